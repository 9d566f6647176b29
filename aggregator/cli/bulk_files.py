"""Files that commands load in bulk: how they are opened, and what becomes of the lines that were rejected."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from django.core.management.base import CommandError, OutputWrapper

from aggregator.csv_rows import Rejected, write_rejected

REJECTED_SHOWN = 20


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


def save_rejected(*, path: Path, columns: Sequence[str], rejected: Sequence[Rejected]) -> None:
    """Write the lines that were not loaded to a file for its owner's eyes only: they may identify people.

    Raises: CommandError when it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            write_rejected(file=file, columns=columns, rejected=rejected)
    except OSError as error:
        raise CommandError(f"{path}: cannot be written ({error.strerror}).") from None


def tell_loaded(
    *,
    counts: Mapping[str, int],
    rejected: Sequence[Rejected],
    columns: Sequence[str],
    rejects: Path | None,
    as_json: bool,
    out: OutputWrapper,
    err: OutputWrapper,
) -> None:
    """Say what became of a file: the counts, and the lines that were not loaded, which go to `rejects` if it is given.

    Raises: CommandError when that cannot be written.
    """
    name_rejected(rejected=rejected, to=err)
    if rejects:
        save_rejected(path=rejects, columns=columns, rejected=rejected)
    if as_json:
        out.write(json.dumps({name.replace(" ", "_"): count for name, count in counts.items()}))
    else:
        out.write("\n".join(f"{name:<34}{count:>8}" for name, count in counts.items()))


@contextmanager
def new_private_file(path: Path, /) -> Iterator[TextIO]:
    """Create a file for its owner's eyes only.

    Raises: CommandError when it is there already, or cannot be made: before anything is loaded.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path}: cannot be made ({error.strerror}).") from None
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        yield file


def check_rejects_path(*, path: Path, source: str) -> None:
    """Check, before anything is loaded, that the rejected lines do not overwrite the file that they come from.

    Raises: CommandError.
    """
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise CommandError("--rejects would overwrite the file that is loaded.")
    if not path.absolute().parent.is_dir():
        raise CommandError(f"There is no folder to write {path} into.")
