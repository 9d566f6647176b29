"""Items and a decision -> what may be shown, withheld, and what nothing shown leads to."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.consent.decision import Decision
from aggregator.consent.filter import Permitted, permit
from aggregator.record.item import Item
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
    assert ([item.id for item in found.items], found.withheld) == ([OPEN.id], (labelled,))
    assert b"recorder" not in found.items[0].resource


def test_nothing_given_is_nothing_shown() -> None:
    assert permit(items=[], decision=PERMITTED) == Permitted(items=(), withheld=(), unreferenced=())


def letter(name: str, **members: Any) -> Item:
    described = {"content": [{"attachment": {"url": "Binary/b"}}], **members}
    return item(resource={"resourceType": "DocumentReference", "id": name, **described})


BINARY = item(resource={"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "c2VjcmV0"})


@pytest.mark.parametrize(
    "secret",
    [
        letter("l", meta=restricted()),
        letter("l", securityLabel=[{"coding": [{"code": "R"}]}]),
        item(
            resource={
                "resourceType": "DocumentManifest",
                "id": "m",
                "content": [{"reference": "Binary/b"}],
                "meta": restricted(),
            }
        ),
    ],
    ids=["label", "document's own label", "reference"],
)
def test_the_content_of_a_withheld_letter_is_withheld_with_it(secret: Item) -> None:
    found = permit(items=[BINARY, OPEN, secret, letter("other")], decision=PERMITTED)
    assert secret in found.withheld
    assert BINARY in found.withheld
    assert OPEN in found.items


def test_content_that_is_as_confidential_as_what_is_withheld_is_withheld() -> None:
    measured = item(
        resource={"resourceType": "Binary", "id": "x", "securityContext": {"reference": "Condition/s"}, "data": "eA=="}
    )
    assert permit(items=[measured, SECRET, OPEN], decision=PERMITTED).withheld == (measured, SECRET)
    assert permit(items=[measured, OPEN], decision=PERMITTED).withheld == ()


def test_the_content_of_a_letter_that_may_be_shown_is_shown() -> None:
    assert permit(items=[BINARY, letter("l"), SECRET], decision=PERMITTED).withheld == (SECRET,)


def claim(name: str, **members: Any) -> Item:
    return item(resource={"resourceType": "Claim", "id": name, "patient": {"reference": "Patient/1"}, **members})


def test_billing_is_kept_to_be_counted_unless_it_is_labelled_or_points_to_what_is_withheld() -> None:
    plain, labelled = claim("c1"), claim("c2", meta=restricted())
    pointing = claim("c3", diagnosis=[{"sequence": 1, "diagnosisReference": {"reference": "Condition/s"}}])
    open_one = claim("c4", diagnosis=[{"sequence": 1, "diagnosisReference": {"reference": "Condition/o"}}])
    given = [OPEN, SECRET, plain, labelled, pointing, open_one]
    assert {each.category.value for each in given[2:]} == {"billing"}
    found = permit(items=given, decision=PERMITTED)
    assert {each.id for each in found.items} == {OPEN.id, plain.id, open_one.id}
    assert labelled in found.withheld
