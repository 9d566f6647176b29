"""The filters that templates use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone

from aggregator.mpi.golden import PersonSummary
from aggregator.web import wording
from aggregator.web.banner import Banner, banner_of


def banner(person: PersonSummary) -> Banner:
    """Return a person's banner as of today. It names no source: who may know which hold the person is not decided."""
    return banner_of(person=person.naming(()), today=timezone.localdate())


FILTERS: Mapping[str, Callable[..., Any]] = {
    "banner": banner,
    "day": wording.short_date,
    "long_moment": wording.long_moment,
    "moment": wording.moment,
    "time_of_day": wording.time_of_day,
}
