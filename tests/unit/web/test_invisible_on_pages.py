"""No page hides a character from its reader."""

from __future__ import annotations

from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import record_page
from tests.factories import condition, item
from tests.unit.web.showings import drawn, showing

TURNED = "\u202eAsthma"


def test_pages_show_what_turns_a_text_round() -> None:
    sent = {**condition(), "code": {"text": TURNED}, "note": [{"text": f"A note {TURNED}"}]}
    view = showing(item(resource=sent))
    [key] = view.record.entries
    pages = [drawn("record_part", record_page(view=view)), drawn("entry", entry_page(view=view, entry_key=key))]
    for page in pages:
        assert "[U+202E]Asthma" in page
        assert "\u202e" not in page
