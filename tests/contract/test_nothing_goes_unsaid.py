"""Whatever a practice sends is on the page, in `$everything`, or said to be missing from both."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from aggregator.consent.filter import permit
from aggregator.record.document import items_of
from aggregator.record.merge import merge
from connectors.contract.categories import RecordCategory
from connectors.gp_connect.connector import GpConnect
from fhir_data.heads import type_of
from tests.contract.real_payloads import GP_RECORDS, names, needs_payloads
from tests.factories import item_of_bytes, permitting


@needs_payloads
@pytest.mark.parametrize("path", GP_RECORDS, ids=names)
def test_nothing_goes_unsaid(path: Path) -> None:
    reply = GpConnect().convert(payload=path.read_bytes())
    items = items_of(reply=reply, source_id="practice")
    patient = item_of_bytes(resource=reply.subject or b"{}", source="practice", category=RecordCategory.SUPPORTING)
    permitted = permit(items=items, decision=permitting(), patients=[patient])
    record = merge(items=permitted.items)
    told = {item.id for section in record.sections for entry in section.entries for item in entry.items}
    told |= {item.id for item in (*record.supporting, *record.untranslated)}
    left = Counter(type_of(entry=item.resource) for item in items if item.id not in told)
    said = [notice.words for notice in reply.notices]
    assert left.pop("Specimen", 0) == number_in(said, "named by no report and no result")
    assert left.total() == number_in(said, "nothing to do with the rest")


def number_in(said: list[str], words: str) -> int:
    """Return how many entries a notice with these words tells of."""
    told = next((notice for notice in said if words in notice), "0")
    return int(told.partition(" ")[0])
