"""How many of each room's lines the last run of the tests reached in its own processes.

What runs in a worker, a web process or the launcher is not measured. No percentage is a bar.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import coverage

PROJECT = Path(__file__).resolve().parents[1]


def coverage_by_room() -> Iterator[str]:
    """Yield one line per room."""
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
    for name, (count, reached) in sorted(lines.items()):
        yield f"  {name:<24} {reached:>6} of {count:>6}  {reached / max(count, 1):4.0%}"


def _room_of(path: Path) -> str:
    parts = path.resolve().relative_to(PROJECT).parts
    depth = 2 if parts[0] in ("aggregator", "connectors") and len(parts) > 2 else 1
    return "/".join(parts[:depth])
