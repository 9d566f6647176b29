"""The plugin that says which tests one helper runs, where several run tests side by side; loaded by `-p`.

xdist has marks for that (`xdist_group`, `--dist loadgroup`). Version 3.8.0 writes the group into a field of an item
that pytest 9.2 no longer reads, and so pays no heed to them.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.scheduler.protocol import Scheduling

# Tests in these folders start whole services: two of one folder at once would take each other's time, and what they
# have in common would be set up twice.
ONE_AT_A_TIME = ("tests/install/", "tests/integration/launcher/")


class ByFolder(LoadScopeScheduling):
    """Gives each test to whoever is free, and all of such a folder to the same helper."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in ONE_AT_A_TIME if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Have tests shared out by folder."""
    return ByFolder(config, log)
