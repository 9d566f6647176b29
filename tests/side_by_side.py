"""The plugin that shares tests out among helpers, where several run tests side by side; loaded by `-p`.

A helper takes a file at a time, and all files of a folder whose tests start whole services: they would take each
other's time. Files whose tests use the database, or wait for processes, come in turn with files that only compute, so
that the processor is busy from beginning to end. Of the former what commits comes after what is rolled back, as
pytest-django has it, since that does not expect what others have left.

xdist has marks for what belongs together (`xdist_group`, `--dist loadgroup`). Version 3.8.0 writes the group into a
field of an item that pytest 9.2 no longer reads, and so pays no heed to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import groupby

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.scheduler.protocol import Scheduling
from xdist.workermanage import WorkerController

# Whose tests start whole services.
ONE_AT_A_TIME = ("tests/install/", "tests/integration/launcher/")
# The share of all other tests with which those of the database have been given out.
DATABASE_UNTIL = 0.75
# Whose tests wait more than they compute, those first that take longest.
WAITING = (*ONE_AT_A_TIME, "tests/journey/", "tests/integration/", "tests/contract/")


class Use(IntEnum):
    """What a test does with the database."""

    ROLLS_BACK = 0
    COMMITS = 1
    NONE = 2


def together(nodeid: str, /) -> str:
    """Return the name of what one helper runs with a test: its folder or its file."""
    return next((folder for folder in ONE_AT_A_TIME if nodeid.startswith(folder)), nodeid.partition("::")[0])


class ByFile(LoadScopeScheduling):
    """Gives whoever is free the next tests of one file, or folder, that follow each other in the collection."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self._parts: dict[str, str] = {}

    def schedule(self) -> None:
        """Name the parts that are given out, and give out the first."""
        if self.collection is None:
            nodeids = next(iter(self.registered_collections.values()))
            for number, (name, tests) in enumerate(groupby(nodeids, key=together)):
                self._parts |= dict.fromkeys(tests, f"{number} {name}")
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._parts[nodeid]

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Note that a test is done, and forget a part that is: all that is known is counted after each test."""
        super().mark_test_complete(node, item_index, duration)
        own = self.assigned_work[node]
        for name in [name for name, tests in own.items() if all(tests.values())]:
            del own[name]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Have tests shared out by file."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order what is shared out, once pytest-django has."""
    if hasattr(config, "workerinput"):
        items[:] = in_turn(items)


def in_turn(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield tests file by file, so that those of the database and the others are begun and ended together."""
    files: dict[tuple[Use, str], list[pytest.Item]] = {}
    for item in items:
        files.setdefault((_use(item), together(item.nodeid)), []).append(item)
    databases = sorted((part for part in files if part[0] is not Use.NONE), key=lambda part: (part[0], _rank(part[1])))
    others = sorted(
        (part for part in files if part[0] is Use.NONE), key=lambda part: (_rank(part[1]), -len(files[part]))
    )
    # A test of the database takes longer than most: they end somewhat before the others, which fill the time.
    placed = [
        *_placed([files[part] for part in databases], until=DATABASE_UNTIL),
        *_placed([files[part] for part in others], until=1.0),
    ]
    for _, tests in sorted(placed, key=lambda each: each[0]):
        yield from tests


def _placed(files: Sequence[list[pytest.Item]], /, *, until: float) -> Iterator[tuple[float, list[pytest.Item]]]:
    """Yield files with the share of all tests that comes before each, of which the last is to end at `until`."""
    total, before = sum(map(len, files)), 0
    for tests in files:
        yield until * before / total, tests
        before += len(tests)


def _use(item: pytest.Item, /) -> Use:
    marker = item.get_closest_marker("django_db")
    fixtures = set(getattr(item, "fixturenames", ()))
    if "transactional_db" in fixtures or (marker is not None and marker.kwargs.get("transaction")):
        return Use.COMMITS
    return Use.ROLLS_BACK if marker is not None or "db" in fixtures else Use.NONE


def _rank(name: str, /) -> int:
    return next((rank for rank, folder in enumerate(WAITING) if name.startswith(folder)), len(WAITING))
