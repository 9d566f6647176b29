"""Showings of a record, and the pages drawn of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from django.template.loader import get_template

from aggregator.mpi.golden import GoldenRecord, PersonSummary
from aggregator.record.completeness.claims import SourceStatus, allergy_status
from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.services.view_record import RecordView
from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.outcomes import Outcome
from tests.factories import allergy, item

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def showing(*items: Item, outcome: Outcome = Outcome.ANSWERED, withheld: bool = False) -> RecordView:
    record = merge(items=items)
    statuses = tuple(
        SourceStatus(
            source_id=source_id,
            name=source_id.capitalize(),
            organisation="",
            kind="fhir_r4",
            holds=CLINICAL_CATEGORIES,
            outcome=outcome if source_id == "hospital" else Outcome.ANSWERED,
            answered_at=NOW,
        )
        for source_id in ("hospital", "practice")
    )
    return RecordView(
        retrieval_id=UUID(int=7),
        person=PersonSummary(person_id=UUID(int=1), golden=GoldenRecord(family="Ferris", birth_date=date(1951, 5, 4))),
        asked_at=NOW,
        deadline_at=NOW,
        complete=True,
        sources=statuses,
        record=record,
        allergy_status=allergy_status(record=record, statuses=statuses, withheld=withheld),
        withheld=withheld,
        shown_at=NOW,
    )


def drawn(template: str, page: object) -> str:
    made: str = get_template(f"record/{template}.jinja").render({"page": page, "requester": None, "may": {}})
    return made


def allergies(*, count: int, source: str = "practice") -> list[Item]:
    return [
        item(
            resource=allergy(code=f"{100_000_000 + n}", display=f"Allergy to substance {n}", id=f"a{n}"), source=source
        )
        for n in range(count)
    ]
