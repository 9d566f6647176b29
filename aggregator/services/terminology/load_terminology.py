"""Load value sets of sensitive codes, beside those that come with the service. They count from the next showing on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.conf import settings

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.csv_rows import Rejected
from aggregator.errors import Invalid
from aggregator.terminology import compiled
from aggregator.terminology.compiled import TerminologyError
from aggregator.terminology.sensitivity import Sensitivity
from aggregator.terminology.value_sets import ValueSet, codes_of_csv, codes_of_value_set


@dataclass(frozen=True, kw_only=True)
class TerminologyFile:
    """A file as it was read: FHIR ValueSet JSON, or (`.csv`) codes, which go by the file's own name."""

    name: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class LoadedTerminology:
    """`value_sets` are all of the compiled file now; `rejected` the lines of CSVs that were not loaded."""

    value_sets: tuple[ValueSet, ...]
    rejected: tuple[Rejected, ...]


def load_terminology(
    *,
    requester: Requester,
    files: Sequence[TerminologyFile] = (),
    sensitivity: Sensitivity | None = None,
    removed: Iterable[str] = (),
) -> LoadedTerminology:
    """Add value sets to the compiled file, each in place of one that goes by its name, and take others out.

    The compiled file is put in its place between two events: that it is about to be, and that it has been.
    Raises: NotPermitted; Invalid, naming the file, when one cannot be read: then nothing is changed.
    """
    with acting(requester, Action.LOAD_TERMINOLOGY, needs=Permission.MANAGE_TERMINOLOGY) as act:
        act.about_nothing_single()
        path: Path | None = settings.TERMINOLOGY_FILE
        if path is None:
            raise Invalid("Name the file that value sets are compiled into: set TERMINOLOGY_FILE.", code="no-file")
        if files and sensitivity is None:
            raise Invalid("Say what the codes are about.", code="sensitivity", field="sensitivity")
        try:
            act.holds(compiled.alone(path=path))
            known = {each.url: each for each in compiled.read_sets(path=path)} if path.exists() else {}
            rejected = _change(known, files=files, sensitivity=sensitivity, removed=removed)
            act.note(sets=len(known), codes=sum(len(each.codes) for each in known.values()), rejected=len(rejected))
            written = act.holds(compiled.written_beside(path=path, value_sets=known.values()))
        except TerminologyError as error:
            raise Invalid(str(error), code="file") from None
        act.before_commit(do=partial(_put_in_place, written=written, path=path))
        return LoadedTerminology(value_sets=tuple(known.values()), rejected=tuple(rejected))


def _put_in_place(*, written: Path, path: Path) -> None:
    try:
        compiled.put_in_place(written=written, path=path)
    except TerminologyError as error:
        raise Invalid(str(error), code="file") from None


def _change(
    known: dict[str, ValueSet],
    *,
    files: Iterable[TerminologyFile],
    sensitivity: Sensitivity | None,
    removed: Iterable[str],
) -> list[Rejected]:
    """Put what the files hold among what is known, and take sets out; return the lines that were rejected."""
    rejected: list[Rejected] = []
    for file in files:
        value_set, lines = _read(file, sensitivity=sensitivity)
        known[value_set.url] = value_set
        rejected.extend(lines)
    for url in removed:
        if known.pop(url, None) is None:
            raise Invalid("No value set of that name has been loaded.", code="unknown", field="remove")
    return rejected


def _read(file: TerminologyFile, *, sensitivity: Sensitivity | None) -> tuple[ValueSet, list[Rejected]]:
    if sensitivity is None:
        raise Invalid("Say what the codes are about.", code="sensitivity", field="sensitivity")
    try:
        if file.name.lower().endswith(".csv"):
            url = file.name
            codes, rejected = codes_of_csv(lines=file.content.decode("utf-8-sig").splitlines())
            if not codes:
                raise ValueError("it lists no code")
        else:
            url, codes = codes_of_value_set(value_set=file.content)
            rejected = []
    except UnicodeDecodeError:
        raise Invalid(f"{file.name} cannot be loaded: it is not UTF-8.", field="files") from None
    except ValueError as error:
        raise Invalid(f"{file.name} cannot be loaded: {error}.", field="files") from None
    return ValueSet(url=url, sensitivity=sensitivity, codes=codes), rejected
