"""A record's page, drawn as the web does it and, as the bound, by joining strings."""

from __future__ import annotations

import html
from datetime import UTC, date, datetime
from uuid import UUID

from django.template.loader import get_template

from aggregator.mpi.golden import GoldenRecord, PersonSummary
from aggregator.record.completeness.claims import AllergyStatus, SourceStatus
from aggregator.record.timeline import LongitudinalRecord
from aggregator.services.view_record import RecordView
from aggregator.web.record.page import RecordPage, record_page
from aggregator.web.record.rows import Row
from config.static_files import NHSUK
from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Outcome
from launcher.processes import StartError
from launcher.static_files import collect_if_changed

RETRIEVAL_ID = UUID(int=1)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PART = "record/record_part.jinja"


class RecordDrawing:
    """One record to draw again and again."""

    def __init__(self, *, record: LongitudinalRecord) -> None:
        """Raises: StartError when the pages' files have not been fetched."""
        if not NHSUK.exists():
            raise StartError("the pages' style sheet is not there; `make bench` fetches it.")
        collect_if_changed()
        self._view = _showing(record=record)
        self._page = record_page(view=self._view)
        self._template = get_template(PART)
        self.entries = sum(len(section.entries) for section in record.sections)

    def view(self) -> RecordPage:
        """Make what the template draws."""
        return record_page(view=self._view)

    def draw(self) -> str:
        """Make the page."""
        page: str = self._template.render({"page": record_page(view=self._view)})
        return page

    def draw_plainly(self) -> str:
        """Make the same rows of strings."""
        return "".join(_plain(row=row) for section in self._page.sections for row in (*section.rows, *section.more))


def _plain(*, row: Row) -> str:
    details = "".join(
        f"<div><dt>{html.escape(label)}</dt> <dd>{html.escape(value)}</dd></div>" for label, value in row.details
    )
    conflicts = "".join(
        f'<div class="app-conflict"><p>{html.escape(conflict.statement)}</p><ul>'
        + "".join(
            f"<li>{html.escape(claim.source)}: <b>{html.escape(claim.says)}</b></li>" for claim in conflict.claims
        )
        + "</ul></div>"
        for conflict in row.conflicts
    )
    heading, sources = html.escape(row.heading), html.escape(", ".join(row.sources))
    tag = f'<strong class="nhsuk-tag nhsuk-tag--{row.tag_colour}">{row.tag}</strong>' if row.tag else ""
    return (
        f'<li class="app-entry" id="entry-{row.key}"><div class="app-entry__date">{html.escape(row.date)}</div>'
        f'<div class="app-entry__what"><p class="app-entry__heading">{heading} {tag}</p>'
        f'<dl class="app-entry__details">{details}</dl>{conflicts}</div><div class="app-entry__from">'
        f'<span>{sources}</span><a href="/records/{RETRIEVAL_ID}/entries/{row.key}">Source copies ({row.copies})'
        f'<span class="nhsuk-u-visually-hidden"> of {heading}</span></a></div></li>'
    )


def _showing(*, record: LongitudinalRecord) -> RecordView:
    source_ids = sorted(
        {source for section in record.sections for entry in section.entries for source in entry.source_ids}
    )
    return RecordView(
        retrieval_id=RETRIEVAL_ID,
        person=PersonSummary(
            person_id=UUID(int=3),
            golden=GoldenRecord(family="Ellwood", given="Katherine", birth_date=date(1951, 5, 4), sex="female"),
        ),
        asked_at=NOW,
        deadline_at=NOW,
        complete=True,
        sources=tuple(_answered(source_id=source_id) for source_id in source_ids),
        record=record,
        allergy_status=AllergyStatus.KNOWN,
        withheld=False,
        shown_at=NOW,
    )


def _answered(*, source_id: str) -> SourceStatus:
    return SourceStatus(
        source_id=source_id,
        name=source_id.replace("-", " ").capitalize(),
        organisation="",
        kind="fhir_r4",
        holds=frozenset(RecordCategory),
        outcome=Outcome.ANSWERED,
        answered_at=NOW,
    )
