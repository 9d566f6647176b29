"""The simulator's two commands: `region` writes a synthetic region to files, `serve` serves one source of it."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from connectors.simulator.region import write_region


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m connectors.simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_region(commands)
    options = parser.parse_args(arguments)
    run: int = options.run(options)
    return run


def _add_region(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("region", help="write a seeded synthetic region into a folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--people", type=int, default=300, help="people besides those of the stories")
    parser.add_argument("--today", type=date.fromisoformat, default=None, metavar="YYYY-MM-DD",
                        help="the day that clinical dates hang on (default: the clock's)")
    parser.set_defaults(run=_region)


def _region(options: argparse.Namespace) -> int:
    today = options.today or datetime.now(tz=UTC).date()
    counts = write_region(folder=options.out, seed=options.seed, people=options.people, today=today)
    for slug, count in counts.items():
        print(f"{slug}: {count} people")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
