"""How tests are shared out among helpers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.side_by_side import in_turn, together


@dataclass
class Item:
    nodeid: str


def nodes(*counted: tuple[str, int]) -> list[Any]:
    return [Item(f"{name}::test_{number}") for name, count in counted for number in range(count)]


def test_tests_of_a_file_go_together_and_so_do_files_that_start_whole_services() -> None:
    assert together("tests/unit/web/test_rows.py::TestRow::test_a[1]") == "tests/unit/web/test_rows.py"
    assert together("tests/install/test_a.py::test_b") == together("tests/install/test_c.py::test_d")


def test_every_test_is_there_once_and_files_of_both_kinds_take_turns() -> None:
    items = nodes(
        ("tests/unit/a.py", 2),
        ("tests/unit/b.py", 4),
        ("tests/integration/c.py", 30),
        ("tests/contract/d.py", 10),
        ("tests/install/e.py", 1),
        ("tests/install/f.py", 1),
    )
    ordered = [item.nodeid for item in in_turn(items)]
    assert sorted(ordered) == sorted(item.nodeid for item in items)
    files = list(dict.fromkeys(name.partition("::")[0] for name in ordered))
    assert files == [
        "tests/install/e.py",
        "tests/install/f.py",
        "tests/unit/b.py",
        "tests/integration/c.py",
        "tests/unit/a.py",
        "tests/contract/d.py",
    ]


def test_where_all_are_of_one_kind_the_largest_come_first() -> None:
    items = nodes(("tests/unit/a.py", 1), ("tests/unit/b.py", 2))
    assert [item.nodeid.partition("::")[0] for item in in_turn(items)] == ["tests/unit/b.py"] * 2 + ["tests/unit/a.py"]
