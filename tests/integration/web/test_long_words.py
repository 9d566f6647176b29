"""A word of a source may be longer than a screen or a sheet of paper is wide: it breaks, and stays in sight."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from django.conf import settings
from playwright.sync_api import Browser, ViewportSize

from aggregator.mpi.death import DeathClaim
from aggregator.mpi.golden import GoldenRecord, PersonSummary
from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import record_page
from tests.factories import allergy, condition, item
from tests.unit.web.showings import drawn, showing

pytestmark = pytest.mark.browser

WORD = "Pneumonoultramicroscopic" * 8
WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def style() -> str:
    folder = Path(settings.PROJECT)
    sheets = (
        "assets/node_modules/nhsuk-frontend/dist/nhsuk/nhsuk-frontend.min.css",
        "aggregator/web/static/web/longview.css",
    )
    return "".join(f"<style>{(folder / sheet).read_text(encoding='utf-8')}</style>" for sheet in sheets)


def pages() -> dict[str, str]:
    """Return a record and an entry of it, with a long word wherever a source may put one."""
    potassium: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": {"reference": "Patient/1"},
        "code": {"text": f"Potassium {WORD}"},
        "valueQuantity": {"value": 5.1, "unit": WORD},
        "interpretation": [{"text": WORD}],
        "referenceRange": [{"text": WORD}],
        "note": [{"text": WORD}],
        "extension": [{"url": f"https://example.org/{WORD}", "valueString": WORD}],
    }
    view = showing(
        item(resource=allergy(code="91936005", display=WORD), source="practice"),
        item(resource=condition(code="73211009", display=WORD), source="hospital"),
        item(resource=potassium, source="hospital"),
    )
    person = PersonSummary(
        person_id=UUID(int=1),
        golden=GoldenRecord(
            family=WORD, given=WORD, birth_date=date(1951, 5, 4), address_line=WORD, postcode="TM1 1AA"
        ),
        death_claims=(DeathClaim(source_name=WORD, deceased=True), DeathClaim(source_name="practice", deceased=False)),
    )
    view = replace(view, person=person)
    made = {"record": drawn("record", record_page(view=view))}
    for number, key in enumerate(view.record.entries):
        page = entry_page(view=view, entry_key=key, number=1)
        assert page is not None
        made[f"entry {number}"] = drawn("entry", page)
    return made


@pytest.mark.parametrize(
    ("width", "medium"), [(320, "screen"), (1280, "screen"), (794, "print")], ids=["telephone", "desk", "paper"]
)
def test_nothing_runs_out_of_sight(chromium: Browser, width: int, medium: Literal["screen", "print"]) -> None:
    drawn_pages = pages()
    assert len(drawn_pages) == 4
    for name, html in drawn_pages.items():
        page = chromium.new_page(viewport=ViewportSize(width=width, height=740))
        page.emulate_media(media=medium)
        page.set_content(html.replace("</head>", f"{style()}</head>"))
        assert page.evaluate(WIDER_THAN_THE_SCREEN) <= 0, name
        page.close()
