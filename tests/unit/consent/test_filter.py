"""Items and a decision -> what may be shown, withheld, and what nothing shown leads to."""

from __future__ import annotations

from aggregator.consent.decision import Decision
from aggregator.consent.filter import Permitted, permit
from tests.factories import condition, item, permitting, restricted

PERMITTED = permitting()
SECRET = item(resource=condition(id="s", recorder={"reference": "Practitioner/secret"}, meta=restricted()))
OPEN = item(resource=condition(id="o", recorder={"reference": "Practitioner/open"}))
BOTH = [item(resource={"resourceType": "Practitioner", "id": name}) for name in ("secret", "open")]


def test_without_a_decision_everything_is_withheld() -> None:
    given = [OPEN, SECRET, *BOTH]
    assert permit(items=given, decision=Decision()) == Permitted(items=(), withheld=tuple(given), unreferenced=())


def test_what_only_a_withheld_item_leads_to_is_not_shown() -> None:
    led_to_by_secret, led_to_by_open = BOTH
    found = permit(items=[led_to_by_secret, SECRET, led_to_by_open, OPEN], decision=PERMITTED)
    assert found.items == (led_to_by_open, OPEN)
    assert found.withheld == (SECRET,)
    assert found.unreferenced == (led_to_by_secret,)


def test_a_label_on_a_supporting_item_withholds_it_though_it_is_led_to() -> None:
    labelled = item(resource={"resourceType": "Practitioner", "id": "open", "meta": restricted(code="V")})
    found = permit(items=[OPEN, labelled], decision=PERMITTED)
    assert (found.items, found.withheld) == ((OPEN,), (labelled,))


def test_nothing_given_is_nothing_shown() -> None:
    assert permit(items=[], decision=PERMITTED) == Permitted(items=(), withheld=(), unreferenced=())
