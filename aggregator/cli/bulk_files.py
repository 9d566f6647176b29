"""Files that commands load in bulk: how they are opened, and what becomes of the lines that were rejected."""

from __future__ import annotations

import json
import os
import stat
from abc import abstractmethod
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TextIO

from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from aggregator.csv_rows import Rejected, write_rejected
from aggregator.errors import LongviewError

REJECTED_SHOWN = 20
PRIVATE = 0o600


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What became of a file: counts by what they count, and the lines that were not loaded."""

    counts: Mapping[str, int]
    rejected: Sequence[Rejected]


class BulkLoad(BaseCommand):
    """A command that loads a CSV: the lines that can be loaded are, and the others are named, and kept if asked for.

    `columns` are those of the file, in the order in which rejected lines are written.
    """

    columns: ClassVar[Sequence[str]]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the CSV")
        parser.add_argument("--rejects", type=Path, metavar="FILE", help="write the rejected lines to this CSV")
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rejects: Path | None = options["rejects"]
        if rejects:
            _check_rejects_path(path=rejects, source=options["file"])
        try:
            loaded = self.load(options)
            name_rejected(rejected=loaded.rejected, to=self.stderr)
            if rejects:
                _save_rejected(path=rejects, columns=self.columns, rejected=loaded.rejected)
            counts = {**loaded.counts, **self.load_more(options)}
        except LongviewError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps({name.replace(" ", "_"): count for name, count in counts.items()}))
        else:
            self.stdout.write("\n".join(f"{name:<34}{count:>8}" for name, count in counts.items()))

    @abstractmethod
    def load(self, options: Mapping[str, Any]) -> Loaded:
        """Load the file that the options name.

        Raises: LongviewError; CommandError.
        """

    def load_more(self, options: Mapping[str, Any]) -> Mapping[str, int]:
        """Load what else the options name, once it is told what became of the file; return further counts.

        Raises: LongviewError; CommandError.
        """
        return {}


@contextmanager
def open_csv(path: str, /) -> Iterator[TextIO]:
    """Open a CSV, with or without a byte order mark.

    Raises: CommandError when it cannot be read, now or while it is.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as lines:
            yield lines
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The file cannot be read: {type(error).__name__}.") from None


def name_rejected(*, rejected: Sequence[Rejected], to: OutputWrapper, of: str = "") -> None:
    """Name the first lines that were not loaded, each with its reason."""
    for line in rejected[:REJECTED_SHOWN]:
        to.write(f"{of}line {line.line} was not loaded: {line.reason}")
    if len(rejected) > REJECTED_SHOWN:
        to.write(f"... and {len(rejected) - REJECTED_SHOWN} more")


@contextmanager
def new_private_file(path: Path, /) -> Iterator[TextIO]:
    """Create a file for its owner's eyes only.

    Raises: CommandError when it is there already, or cannot be made: before anything is loaded.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except OSError as error:
        raise CommandError(f"{path}: cannot be made ({error.strerror}).") from None
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        yield file


def _check_rejects_path(*, path: Path, source: str) -> None:
    """Check, before anything is loaded, that the rejected lines do not overwrite the file that they come from.

    A file that is there already is made private now: whoever must not read them does not have it open when they come.

    Raises: CommandError.
    """
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise CommandError("--rejects would overwrite the file that is loaded.")
    if not path.absolute().parent.is_dir():
        raise CommandError(f"There is no folder to write {path} into.")
    if path.is_file():
        try:
            path.chmod(PRIVATE)
        except OSError as error:
            raise CommandError(f"{path}: cannot be made private ({error.strerror}).") from None


def _save_rejected(*, path: Path, columns: Sequence[str], rejected: Sequence[Rejected]) -> None:
    """Write the lines that were not loaded to a file for its owner's eyes only: they may identify people.

    Raises: CommandError when it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):  # not /dev/null, nor a pipe
                os.fchmod(descriptor, PRIVATE)  # the mode above is that of a new file only
            write_rejected(file=file, columns=columns, rejected=rejected)
    except OSError as error:
        raise CommandError(f"{path}: cannot be written ({error.strerror}).") from None
