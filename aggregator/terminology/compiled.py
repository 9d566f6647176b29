"""The one file that all value sets are compiled into: written by a command, only read by all else.

The sets that come with the service are always there; a programme's own are added to them. Where a file is named and
cannot be read nothing is shown, since nobody could tell what is sensitive.
"""

from __future__ import annotations

import csv
import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from django.conf import settings

from aggregator.terminology.finding import Finder
from aggregator.terminology.sensitivity import Sensitivity
from aggregator.terminology.value_sets import ValueSet

FORMAT = 1


class TerminologyError(Exception):
    """The compiled file cannot be read or written."""


def finder() -> Finder:
    """Return what finds sensitive codes, by the value sets of now.

    Raises: TerminologyError.
    """
    path: Path | None = settings.TERMINOLOGY_FILE
    if path is None:
        return _finder(None, 0)
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise TerminologyError(f"The value sets cannot be read: {type(error).__name__}.") from None
    return _finder(path, changed)


def shipped_sets() -> tuple[ValueSet, ...]:
    """Return the small open sets that come with the service, one file for each kind of sensitivity."""
    return tuple(_shipped(sensitivity) for sensitivity in Sensitivity)


def read_sets(*, path: Path) -> tuple[ValueSet, ...]:
    """Return the value sets of a compiled file.

    Raises: TerminologyError.
    """
    try:
        compiled = json.loads(path.read_bytes())
        if compiled["format"] != FORMAT:
            raise ValueError
        return tuple(
            ValueSet(
                url=each["url"],
                sensitivity=Sensitivity(each["sensitivity"]),
                codes=frozenset((system, code) for system, code in each["codes"]),
            )
            for each in compiled["sets"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TerminologyError(f"The value sets cannot be read: {type(error).__name__}.") from None


@contextmanager
def written_beside(*, path: Path, value_sets: Iterable[ValueSet]) -> Iterator[Path]:
    """Write a compiled file beside the one that is there; it is gone at the end unless it was put in its place.

    Raises: TerminologyError.
    """
    compiled = {
        "format": FORMAT,
        "sets": [
            {"url": each.url, "sensitivity": each.sensitivity, "codes": sorted(each.codes)} for each in value_sets
        ],
    }
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            json.dump(compiled, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())  # or it might be empty, once in its place, after the machine has gone down
        os.chmod(file.name, 0o444)
    except OSError as error:
        raise TerminologyError(f"{path} cannot be written: {error.strerror}.") from None
    try:
        yield Path(file.name)
    finally:
        Path(file.name).unlink(missing_ok=True)


def put_in_place(*, written: Path, path: Path) -> None:
    """Put a compiled file that was written beside another in its place, whole or not at all.

    Raises: TerminologyError.
    """
    try:
        written.replace(path)
    except OSError as error:
        raise TerminologyError(f"{path} cannot be written: {error.strerror}.") from None


@contextmanager
def alone(*, path: Path) -> Iterator[None]:
    """Keep others from changing a compiled file while one reads it, and writes it with something added.

    Of two at once the later would else take out what the earlier had just put in.
    Raises: TerminologyError.
    """
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise TerminologyError(f"{path} cannot be written: {error.strerror}.") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@lru_cache(maxsize=2)
def _finder(path: Path | None, changed: int) -> Finder:
    """Return the finder for a file as it was when it changed last."""
    return Finder(value_sets=(*shipped_sets(), *(read_sets(path=path) if path else ())))


def _shipped(sensitivity: Sensitivity) -> ValueSet:
    text = (files(__package__) / "sets" / f"{sensitivity.value}.csv").read_text(encoding="utf-8")
    codes = frozenset((row["system"], row["code"]) for row in csv.DictReader(text.splitlines()))
    return ValueSet(url=f"urn:longview:sensitivity:{sensitivity.value}", sensitivity=sensitivity, codes=codes)
