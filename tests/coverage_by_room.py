"""`python -m tests.coverage_by_room`: how many of each room's lines the last run of the tests in this process reached.

What runs in a worker, a web process or the launcher is not measured. No percentage is a bar.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import coverage

PROJECT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Print one line per room."""
    measured = coverage.Coverage(config_file=str(PROJECT / "pyproject.toml"))
    measured.load()
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for path in measured.get_data().measured_files():
        if not path.endswith(".py"):
            continue  # templates are measured under their own name, and are no Python
        _, statements, _, missing, _ = measured.analysis2(path)
        room = lines[_room_of(Path(path))]
        room[0] += len(statements)
        room[1] += len(statements) - len(missing)
    if not lines:
        return 0
    print("\nLines reached by tests in their own process, by room:")
    for name, (count, reached) in sorted(lines.items()):
        print(f"  {name:<24} {reached:>6} of {count:>6}  {reached / max(count, 1):4.0%}")
    return 0


def _room_of(path: Path) -> str:
    parts = path.resolve().relative_to(PROJECT).parts
    depth = 2 if parts[0] in ("aggregator", "connectors") and len(parts) > 2 else 1
    return "/".join(parts[:depth])


if __name__ == "__main__":
    sys.exit(main())
