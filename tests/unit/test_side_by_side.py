"""How tests are shared out among helpers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tests.side_by_side import in_turn, together


@dataclass
class Item:
    nodeid: str
    fixturenames: tuple[str, ...] = ()

    def get_closest_marker(self, name: str) -> None:
        return None


def nodes(name: str, count: int, *fixtures: str) -> list[Any]:
    return [Item(f"{name}::test_{fixtures}_{number}", fixtures) for number in range(count)]


def test_tests_of_a_file_go_together_and_so_do_files_that_start_whole_services() -> None:
    assert together("tests/unit/web/test_rows.py::TestRow::test_a[1]") == "tests/unit/web/test_rows.py"
    assert together("tests/install/test_a.py::test_b") == together("tests/install/test_c.py::test_d")


def test_every_test_is_there_once_and_files_of_both_kinds_take_turns() -> None:
    items = [
        *nodes("tests/integration/c.py", 6, "db"),
        *nodes("tests/integration/d.py", 4, "db"),
        *nodes("tests/integration/c.py", 8, "db", "transactional_db"),
        *nodes("tests/journey/h.py", 2, "db", "transactional_db"),
        *nodes("tests/contract/e.py", 10),
        *nodes("tests/install/f.py", 1),
        *nodes("tests/install/g.py", 1),
        *nodes("tests/unit/a.py", 8),
        *nodes("tests/unit/b.py", 20),
    ]
    ordered = list(in_turn(items))
    assert sorted(item.nodeid for item in ordered) == sorted(item.nodeid for item in items)
    assert [(name, len(list(tests))) for name, tests in groupby(ordered, key=lambda item: together(item.nodeid))] == [
        ("tests/integration/c.py", 6),
        ("tests/install/", 2),
        ("tests/contract/e.py", 10),
        ("tests/integration/d.py", 4),
        ("tests/unit/b.py", 20),
        ("tests/journey/h.py", 2),
        ("tests/integration/c.py", 8),
        ("tests/unit/a.py", 8),
    ]


def test_what_commits_comes_after_what_is_rolled_back() -> None:
    items = [
        *nodes("tests/integration/a.py", 1, "db"),
        *nodes("tests/unit/b.py", 5, "db"),
        *nodes("tests/unit/c.py", 3),
        *nodes("tests/integration/d.py", 9, "transactional_db"),
    ]
    ordered = [item for item in in_turn(items) if item.fixturenames]
    assert ordered == [item for item in items if item.fixturenames]
