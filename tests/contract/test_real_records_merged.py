"""Real payloads, merged: no absence becomes a finding, and nothing is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aggregator.record.completeness.claims import AllergyStatus, SourceStatus, allergy_status
from aggregator.record.document import items_of
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.stated_absence import ABSENCE_CODES
from aggregator.record.timeline import LongitudinalRecord
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from connectors.contract.outcomes import Outcome
from tests.contract.loopback import CONNECTORS
from tests.contract.real_payloads import GP_RECORDS, R4_RECORDS, names, needs_payloads

pytestmark = needs_payloads

ALL_RECORDS = [("gp_connect", path) for path in GP_RECORDS] + [("fhir_r4", path) for path in R4_RECORDS]


def items(kind: str, path: Path, *, source: str = "a") -> tuple[Item, ...]:
    return items_of(reply=CONNECTORS[kind].convert(payload=path.read_bytes()), source_id=source)


def banner(record: LongitudinalRecord) -> AllergyStatus:
    whole = SourceStatus(
        source_id="a",
        name="A",
        organisation="A",
        kind="fhir_r4",
        holds=CLINICAL_CATEGORIES,
        outcome=Outcome.ANSWERED,
        answered_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return allergy_status(record=record, statuses=[whole], withheld=False)


def names_a_substance(item: Item) -> bool:
    """Return whether an allergy tells of one, read apart from the code under test."""
    resource: dict[str, Any] = json.loads(item.resource)
    codes = [coding.get("code") for coding in resource.get("code", {}).get("coding", ())]
    status = str(resource.get("verificationStatus")), str(resource.get("clinicalStatus"))
    over = (
        "refuted" in status[0] or "entered-in-error" in status[0] or "resolved" in status[1] or "inactive" in status[1]
    )
    return not over and not any(code in ABSENCE_CODES for code in codes)


@pytest.mark.parametrize(
    ("kind", "path"), ALL_RECORDS, ids=lambda value: names(value) if isinstance(value, Path) else value
)
def test_the_banner_knows_of_allergies_only_where_the_document_names_one(kind: str, path: Path) -> None:
    given = items(kind, path)
    held = [one for one in given if one.category is RecordCategory.ALLERGIES and one.translated]
    known = any(names_a_substance(one) for one in held)
    assert (banner(merge(items=given)) is AllergyStatus.KNOWN) == known


@pytest.mark.parametrize(
    ("kind", "path"), ALL_RECORDS, ids=lambda value: names(value) if isinstance(value, Path) else value
)
def test_an_identifier_joins_nothing_within_one_document(kind: str, path: Path) -> None:
    for section in merge(items=items(kind, path)).sections:
        assert not [entry.rule for entry in section.entries if "business-identifier" in entry.rule]
