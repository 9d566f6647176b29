"""How old an answer a FHIR caller takes."""

from __future__ import annotations

import pytest

from aggregator.api.fhir.freshness import max_age_s


@pytest.mark.parametrize(
    ("stated", "most"),
    [
        ("", None),
        ("no-store", None),
        ("no-cache", 0),
        ("No-Cache", 0),
        ("no-store, no-cache", 0),
        ("max-age=0", 0),
        ("max-age=60", 60),
        ('max-age="60"', 60),
        ("max-age=60, no-cache", 0),
        ("max-age=60,max-age=30", 30),
        ("max-age=-1", 0),
        ("max-age=", 0),
        ("max-age", 0),
        ("max-age=1e9", 0),
        ("max-age=99999999999999999999", 0),
        ("max-stale=60", None),
        ("only-if-cached", None),
    ],
)
def test_it_takes_what_no_cache_and_max_age_say_and_in_doubt_asks(stated: str, most: int | None) -> None:
    assert max_age_s(cache_control=stated) == most
