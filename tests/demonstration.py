"""The people of the seven stories, loaded from the demonstration region for a test that goes the whole way.

Only they are loaded: the other hundreds are what `test_load_region` is for.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.sources.models import Source
from launcher.load_region import load_region
from launcher.region import Region

PASSWORD = "a long enough phrase 7"
CLINICIAN, ADMINISTRATOR = "dr.raman", "ig.marsh"


@dataclass(frozen=True)
class Stories:
    """The stories by their short names, as the region describes them."""

    folder: Path

    @cached_property
    def by_slug(self) -> dict[str, dict[str, Any]]:
        described = json.loads((self.folder / "region.json").read_text())
        return {story["slug"]: story for story in described["stories"]}

    def load(self, *, addresses: Mapping[str, str]) -> None:
        """Load sources, the stories' people, relationships and accounts into the test database."""
        load_region(
            requester=operator(),
            folder=self.folder,
            addresses=addresses,
            password_for=lambda _: PASSWORD,
            now=timezone.now(),
        )
        Source.objects.update(freshness_s=0)  # each test has its own answers


def only_the_stories(*, region: Region, folder: Path) -> Stories:
    """Write a copy of the region's lists with nobody but the people of the stories, and return them."""
    shutil.copy(region.folder / "region.json", folder / "region.json")
    told = Stories(folder=folder)
    people = [person for story in told.by_slug.values() for person in (story, *story["others"])]
    for source in region.sources:
        slug = source["slug"]
        wanted = {person["sources"][slug] for person in people if slug in person["sources"]}
        (folder / slug).mkdir()
        for name in ("identities.csv", "relationships.csv"):
            _copy_lines(old=region.folder / slug / name, new=folder / slug / name, local_ids=wanted)
    return told


def _copy_lines(*, old: Path, new: Path, local_ids: set[str]) -> None:
    with old.open(newline="", encoding="utf-8") as lines, new.open("w", newline="", encoding="utf-8") as copy:
        reader = csv.DictReader(lines)
        writer = csv.DictWriter(copy, fieldnames=reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(row for row in reader if row["local_id"] in local_ids)
