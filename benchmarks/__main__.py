"""`python -m benchmarks`: measures, and prints the tables. docs/performance.md says how to read them."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.figures import Table
from benchmarks.machine import load_line, machine_lines
from config.env import SettingError
from launcher.generated_secrets import make_keys
from launcher.private_services import Running, embedded_services, held_folder
from launcher.processes import StartError, Stopped, stoppable

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / ".cache" / "benchmarks"
PARTS = (
    *("fan-out", "peer", "demonstration", "work", "memory", "hostile"),
    *("guessing", "access", "passes", "transport", "overload"),
)
NEED_SERVICES = frozenset({"fan-out", "peer", "demonstration", "guessing", "access", "passes", "overload"})
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small round of each: whether it runs, no figures")
    parser.add_argument(
        "--only",
        choices=PARTS,
        help="only one of the parts",
    )
    parser.add_argument("--answer", type=Path, metavar="FILE", help="a practice's answer to measure the memory of too")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the data folder, where not %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures to a file too")
    options = parser.parse_args(arguments)
    options.folder = options.folder.absolute()
    if options.json and not options.json.absolute().parent.is_dir():
        parser.error(f"there is no folder {options.json.parent} to write the file into")
    if options.answer and not options.answer.is_file():
        parser.error(f"there is no file {options.answer}")
    try:
        with stoppable():
            _name_settings(folder=options.folder)
            parts = [options.only] if options.only else PARTS
            with _services(folder=options.folder, wanted=not NEED_SERVICES.isdisjoint(parts)) as private:
                return _run(options=options, parts=parts, private=private)
    except StartError as problem:
        sys.stderr.write(f"The benchmark could not run: {problem}\n")
        return 1
    except Stopped:
        sys.stderr.write("Stopped.\n")
        return INTERRUPTED


def _name_settings(*, folder: Path) -> None:
    """Use local settings in a data folder of our own, with time limits that cut nothing off."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.settings.local",
        DATA_FOLDER=str(folder),
        LOG_FORMAT="json",
        RETRIEVAL_DEADLINE_S="60",
        SOURCE_TIME_LIMIT_S="60",
    )


@contextmanager
def _services(*, folder: Path, wanted: bool) -> Iterator[Running | None]:
    """Start the private services where the fan-out is measured, then let Django read its settings, which name them.

    Raises: StartError.
    """
    with ExitStack() as running:
        private = None
        if wanted:
            running.enter_context(held_folder(folder=folder))
            make_keys(folder=folder)
            (folder / "ready").unlink(missing_ok=True)  # a new database each time: every run begins with the same rows
            private = running.enter_context(
                embedded_services(folder=folder, durable=True, say=lambda what: _say(f"  starting {what}"))
            )
            os.environ.update(private.services.as_environment())
        _set_up_django()
        yield private


def _set_up_django() -> None:
    try:
        import django
    except ImportError as missing:
        raise StartError(f"{missing}. `make bench` installs what is needed.") from None
    try:
        django.setup()
    except SettingError as problem:
        raise StartError(str(problem)) from None


def _run(*, options: argparse.Namespace, parts: Sequence[str], private: Running | None) -> int:
    quick: bool = options.quick
    folder: Path = options.folder
    about = [*machine_lines(), load_line(when="before")]
    _say("\n".join(about))
    tables: list[Table] = []
    began = time.monotonic()
    if "work" in parts:
        from benchmarks import work

        tables += work.measure(quick=quick, say=_say)
    if "memory" in parts:
        from benchmarks import memory

        tables.append(memory.measure(quick=quick, answer=options.answer, say=_say))
    if "hostile" in parts:
        from benchmarks import hostile

        tables += hostile.measure(folder=folder, quick=quick, say=_say)
    if private and "fan-out" in parts:
        from benchmarks import fan_out

        tables += fan_out.measure(folder=folder, private=private, quick=quick, say=_say)
    if private and "peer" in parts:
        from benchmarks import peer

        tables.append(peer.measure(folder=folder, private=private, quick=quick, say=_say))
    if private and "demonstration" in parts:
        from benchmarks import demonstration

        tables.append(demonstration.measure(folder=folder, private=private, quick=quick, say=_say))
    if private and "guessing" in parts:
        from benchmarks import guessing

        tables.append(guessing.measure(folder=folder, quick=quick, say=_say))
    if private and "access" in parts:
        from benchmarks import access

        tables.append(access.measure(quick=quick, say=_say))
    if private and "passes" in parts:
        from benchmarks import passes

        tables.append(passes.measure(quick=quick, say=_say))
    if "transport" in parts:
        from benchmarks import transport

        tables.append(transport.measure(folder=folder, quick=quick, say=_say))
    if private and "overload" in parts:
        from benchmarks import overload

        tables.append(overload.measure(folder=folder, private=private, quick=quick, say=_say))
    about.append(load_line(when="after"))
    print("\n".join(["", *about, f"Median of the rounds (least to most); {time.monotonic() - began:.0f} s.", ""]))
    for table in tables:
        print(table.as_text())
    if options.json:
        written = {"about": about, "quick": quick, "tables": [table.as_json() for table in tables]}
        options.json.write_text(json.dumps(written, indent=1) + "\n")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
