"""What points to what is withheld is taken out, with what was there for it alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import structs

from aggregator.consent.filter import permit
from aggregator.consent.pointers import without_pointers
from aggregator.record.item import Item
from tests.factories import condition, item, observation, permitting, restricted

SECRET = item(resource=condition(id="s", identifier=[{"system": "u", "value": "7"}], meta=restricted()))
TO_SECRET = {"reference": "Condition/s"}
TO_OPEN = {"reference": "Condition/o"}
OPEN = item(resource=condition(id="o"))


def left(**members: Any) -> dict[str, Any]:
    sent = item(resource=observation(id="x", **members))
    shown, _ = without_pointers(items=[sent, OPEN], withheld=[SECRET])
    resource: dict[str, Any] = json.loads(shown.resource)
    return {name: value for name, value in resource.items() if name in {*members, "text"}}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"hasMember": [TO_SECRET, TO_OPEN]}, {"hasMember": [TO_OPEN]}),
        ({"hasMember": [TO_SECRET]}, {}),
        ({"focus": [{"reference": "Condition/s", "display": "HIV"}]}, {}),
        ({"diagnosis": [{"condition": TO_SECRET, "rank": 1}]}, {}),
        ({"evidence": [{"detail": [TO_SECRET]}]}, {}),
        ({"evidence": [{"detail": [TO_SECRET], "code": [{"text": "x"}]}]}, {"evidence": [{"code": [{"text": "x"}]}]}),
        ({"content": [{"attachment": {"url": "Condition/s", "title": "HIV"}}]}, {}),
        ({"entry": [{"item": TO_SECRET}, {"item": TO_OPEN}]}, {"entry": [{"item": TO_OPEN}]}),
        ({"hasMember": [TO_SECRET], "text": {"div": "<div>HIV</div>"}}, {}),
        (
            {"hasMember": [TO_OPEN], "text": {"div": "<div>x</div>"}},
            {"hasMember": [TO_OPEN], "text": {"div": "<div>x</div>"}},
        ),
        ({"hasMember": [{"reference": " condition/S#1 ", "display": "HIV"}]}, {}),
        ({"hasMember": [{"identifier": {"system": "u", "value": "7"}, "display": "HIV"}]}, {}),
        ({"extension": [{"url": "https://x.example/about", "valueUri": "Condition/s"}]}, {}),
        (
            {"hasMember": [{"identifier": {"system": "u", "value": "8"}}]},
            {"hasMember": [{"identifier": {"system": "u", "value": "8"}}]},
        ),
        ({"note": []}, {"note": []}),
    ],
)
def test_what_points_to_what_is_withheld_goes(sent: dict[str, Any], shown: dict[str, Any]) -> None:
    assert left(**sent) == shown


def test_the_copy_as_sent_loses_it_too() -> None:
    body = item(resource=observation(id="x", hasMember=[TO_SECRET]))
    sent = structs.replace(body, original=body.resource.replace(b"Observation", b"Basic"))
    (shown,) = without_pointers(items=[sent], withheld=[SECRET])
    assert shown.original is not None
    assert b"Condition/s" not in shown.resource + shown.original


def test_a_name_that_means_something_else_as_well_stays() -> None:
    pointing = item(resource=observation(id="x", hasMember=[TO_SECRET]))
    again = item(resource=condition(id="s"))
    shown, _ = without_pointers(items=[pointing, again], withheld=[SECRET])
    assert shown == pointing


def a_list(*names: str, key: str = "l", **members: Any) -> Item:
    entry = [{"item": {"reference": name}} for name in names]
    return item(resource={"resourceType": "List", "id": key, "title": "HIV clinic", "entry": entry, **members})


@pytest.mark.parametrize(
    "emptied",
    [[a_list("Condition/s")], [a_list("List/inner"), a_list("Condition/s", key="inner")]],
    ids=["a list", "a list of lists"],
)
def test_a_list_in_which_nothing_is_left_is_not_shown(emptied: list[Item]) -> None:
    pointing = item(resource=observation(id="x", hasMember=[{"reference": "List/l"}]))
    permitted = permit(items=[SECRET, OPEN, pointing, *emptied], decision=permitting())
    assert [shown.id for shown in permitted.items] == [OPEN.id, pointing.id]
    assert b"hasMember" not in permitted.items[1].resource
    assert set(permitted.emptied) == set(permitted.unreferenced) == set(emptied)


def test_a_list_in_which_something_is_left_is_shown_with_that() -> None:
    permitted = permit(items=[SECRET, OPEN, a_list("Condition/s", "Condition/o")], decision=permitting())
    assert json.loads(permitted.items[1].resource)["entry"] == [{"item": TO_OPEN}]


def test_what_translation_noted_of_such_a_member_goes_with_it() -> None:
    notes = ("Observation.hasMember: not carried", "Observation.status: not said")
    sent = item(resource=observation(id="x", hasMember=[TO_SECRET]), notes=notes)
    (shown,) = without_pointers(items=[sent], withheld=[SECRET])
    assert shown.notes == notes[1:]
    untouched = item(resource=observation(id="y"), notes=notes)
    assert list(without_pointers(items=[untouched], withheld=[SECRET])) == [untouched]


def test_a_note_that_holds_for_what_is_left_of_such_a_member_stays() -> None:
    notes = ("Observation.related.type: carried as hasMember", "Observation.related.target: not carried")
    related = [{"type": "has-member", "target": target} for target in (TO_SECRET, TO_OPEN)]
    sent = item(resource=observation(id="x", related=related), notes=notes)
    shown, _ = without_pointers(items=[sent, OPEN], withheld=[SECRET])
    assert shown.notes == notes[:1]


def test_a_member_whose_name_is_escaped_points_as_well() -> None:
    plain = item(resource=observation(id="x", hasMember=[TO_SECRET]))
    escaped = structs.replace(plain, resource=plain.resource.replace(b'"reference"', rb'"referenc\u0065"'))
    assert escaped.resource != plain.resource
    shown, _ = without_pointers(items=[escaped, OPEN], withheld=[SECRET])
    assert "hasMember" not in json.loads(shown.resource)
