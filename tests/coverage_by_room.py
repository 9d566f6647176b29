"""Prints how many of each room's lines the tests reached in their own processes: `python -m tests.coverage_by_room`.

SlipCover counts each line at the first time that it is reached and then no more, which makes the tests little slower;
it writes the file that is read here. What runs in a worker, a web process or the launcher is not measured. No
percentage is a bar.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


def coverage_by_room(files: Mapping[str, Mapping[str, Sequence[int]]], /) -> Iterator[str]:
    """Yield one line per room, of the lines of each file that were reached and those that were missed."""
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for path, found in files.items():
        room = lines[_room_of(Path(path))]
        room[0] += len(found["executed_lines"])
        room[1] += len(found["executed_lines"]) + len(found["missing_lines"])
    for name, (reached, count) in sorted(lines.items()):
        yield f"  {name:<24} {reached:>6} of {count:>6}  {reached / max(count, 1):4.0%}"


def _room_of(path: Path, /) -> str:
    depth = 2 if path.parts[0] in ("aggregator", "connectors") and len(path.parts) > 2 else 1
    return "/".join(path.parts[:depth])


if __name__ == "__main__":
    files = json.loads(Path(sys.argv[1]).read_bytes())["files"]
    sys.stdout.write("Lines reached by tests in their own process, by room:\n")
    sys.stdout.writelines(f"{line}\n" for line in coverage_by_room(files))
