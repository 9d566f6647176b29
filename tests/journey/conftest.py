"""What every journey stands on: the running service, the region's sources, and the people of the stories loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.region import Region
from tests.demonstration import CLINICIAN, PASSWORD, Stories, only_the_stories
from tests.door import Visitor


@pytest.fixture(scope="session")
def told(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Stories:
    """Write the stories' own lists once."""
    return only_the_stories(region=region, folder=tmp_path_factory.mktemp("stories"))


@pytest.fixture
def stories(transactional_db: None, told: Stories, simulators: dict[str, str], worker: None) -> Stories:
    """Load the stories; the sources and a worker run."""
    told.load(addresses=simulators)
    return told


@pytest.fixture
def clinician(stories: Stories, web: str) -> Visitor:
    """A clinician of the Royal, signed in."""
    visitor = Visitor(web)
    visitor.sign_in(CLINICIAN, PASSWORD)
    return visitor


@pytest.fixture
def logs_hold_nothing_identifying(stories: Stories, logs: Path) -> Iterator[None]:
    """After the journey, look through everything that web and worker logged."""
    yield
    written = "".join((logs / name).read_text(errors="replace") for name in ("web.log", "worker.log"))
    for story in stories.by_slug.values():
        for identifying in (story["nhs_number"], story["family"]):
            assert identifying not in written
