"""No page hides a character from its reader."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader

from aggregator.web.record.entry import entry_page
from aggregator.web.record.page import record_page
from config.jinja import environment
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


@pytest.mark.parametrize(
    "template", ["{{ text }}", "{{ text | e }}", "{{ '<b>' | safe ~ text }}", "{{ [text] | join }}"]
)
def test_a_text_is_shown_on_whatever_way_it_reaches_a_page(template: str) -> None:
    page = environment(loader=DictLoader({"page": template}), autoescape=True).get_template("page")
    assert page.render(text=TURNED).endswith("[U+202E]Asthma")
