"""The plugin that shares tests out among helpers, where several run tests side by side; loaded by `-p`.

A helper takes a file at a time, and all files of a folder whose tests start whole services: they would take each
other's time. Files that wait for processes and databases come in turn with files that only compute, so that the
processor is busy from beginning to end.

xdist has marks for what belongs together (`xdist_group`, `--dist loadgroup`). Version 3.8.0 writes the group into a
field of an item that pytest 9.2 no longer reads, and so pays no heed to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.scheduler.protocol import Scheduling
from xdist.workermanage import WorkerController

# Whose tests start whole services.
ONE_AT_A_TIME = ("tests/install/", "tests/integration/launcher/")
# Whose tests wait more than they compute, those first of which one takes longest.
WAITING = (*ONE_AT_A_TIME, "tests/journey/", "tests/integration/", "tests/contract/")


def together(nodeid: str, /) -> str:
    """Return the name of what one helper runs with a test: its folder or its file."""
    return next((folder for folder in ONE_AT_A_TIME if nodeid.startswith(folder)), nodeid.partition("::")[0])


class ByFile(LoadScopeScheduling):
    """Gives whoever is free the next file, or folder, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Note that a test is done, and forget what is done as a whole: all that is known is counted at each test."""
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
    """Order what is shared out."""
    if hasattr(config, "workerinput"):
        items[:] = in_turn(items)


def in_turn(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield tests file by file, so that files of both kinds are begun and ended together, the large ones first."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(together(item.nodeid), []).append(item)
    placed: list[tuple[float, list[pytest.Item]]] = []
    for waits in (True, False):
        own = [(name, tests) for name, tests in files.items() if name.startswith(WAITING) is waits]
        own.sort(key=lambda each: (_rank(each[0]), -len(each[1])))
        total, before = sum(len(tests) for _, tests in own), 0
        for _, tests in own:
            placed.append((before / total, tests))
            before += len(tests)
    for _, tests in sorted(placed, key=lambda each: each[0]):
        yield from tests


def _rank(name: str, /) -> int:
    return next((rank for rank, folder in enumerate(WAITING) if name.startswith(folder)), len(WAITING))
