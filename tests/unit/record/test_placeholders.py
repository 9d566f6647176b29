"""Codes that name no concept, whatever system they are sent under."""

from __future__ import annotations

import pytest

from aggregator.record.placeholders import LOST_CODES, SILENT_CODES, Placeholder, placeholder
from tests.factories import SNOMED_CT, concept, condition, fact, observation


@pytest.mark.parametrize("system", [SNOMED_CT, "http://loinc.org", "https://dmd.nhs.uk"])
@pytest.mark.parametrize(
    "code",
    [
        *LOST_CODES,
        *SILENT_CODES,
        "TBD",
        "tbd",
        "UNK",
        "NI",
        "NA",
        "ASKU",
        "OTH",
        "NASK",
        "NAV",
        "unknown",
        "not-asked",
        '""',
        *("asked-unknown", "0", "000000", "Pending", "null", "n_i"),
    ],
)
def test_they_are_no_shared_concept(code: str, system: str) -> None:
    assert fact(resource=condition() | {"code": concept(code=code, system=system)}).concepts == frozenset()
    assert fact(resource=observation() | {"code": concept(code=code, system=system)}).concepts == frozenset()


def test_a_record_artifact_is_known_by_its_display() -> None:
    assert placeholder(code="163061000000106", display="Nursing note (record artifact)") is Placeholder.UNNAMED
    assert placeholder(code="999", display="Transfer-degraded immunisation") is Placeholder.UNNAMED


@pytest.mark.parametrize("code", ["73211009", "2823-3", "1000731000000107", "LA6576-8"])
def test_a_concept_is_a_concept(code: str) -> None:
    assert placeholder(code=code, numbered=True) is None
