"""Lists and roles are shown with what they arrange, and show nothing of what is withheld."""

from __future__ import annotations

import json
from typing import Any

from msgspec import structs

from aggregator.consent.filter import Permitted, permit
from aggregator.record.item import Item
from connectors.contract.categories import RecordCategory
from tests.factories import condition, item, item_of_bytes, permitting, restricted

SUPPORTING = RecordCategory.SUPPORTING
ENCOUNTER = item(resource={"resourceType": "Encounter", "id": "e"})
OPEN = item(resource=condition(id="o"))
SECRET = item(resource=condition(id="s", meta=restricted()))


def listed(name: str, *entries: str, **members: Any) -> Item:
    resource = {"resourceType": "List", "id": name, "entry": [{"item": {"reference": entry}} for entry in entries]}
    return item_of_bytes(resource=json.dumps({**resource, **members}).encode(), category=SUPPORTING)


def permitted(*items: Item) -> Permitted:
    return permit(items=items, decision=permitting())


def shown(*items: Item) -> list[str]:
    return [json.loads(found.resource)["id"] for found in permitted(*items).items]


def entries_of(name: str, *items: Item) -> list[str]:
    for found in permitted(*items).items:
        resource = json.loads(found.resource)
        if resource["id"] == name:
            return [entry["item"]["reference"] for entry in resource["entry"]]
    raise AssertionError(name)


def heading(name: str, *entries: str, **members: Any) -> Item:
    return listed(name, *entries, encounter={"reference": "Encounter/e"}, **members)


def test_the_tree_of_a_consultation_is_shown_with_it() -> None:
    tree = (
        heading("consultation", "List/topic"),
        heading("topic", "List/history"),
        heading("history", "Condition/o"),
    )
    assert shown(ENCOUNTER, OPEN, *tree) == ["e", "o", "consultation", "topic", "history"]


def test_a_list_of_nothing_that_is_shown_is_not_shown() -> None:
    stray = listed("stray", "Condition/elsewhere")
    assert shown(OPEN, stray) == ["o"]
    assert permitted(OPEN, stray).unreferenced == (stray,)


def test_what_is_withheld_is_not_in_a_list() -> None:
    both = heading("both", "Condition/s", "Condition/o")
    assert entries_of("both", ENCOUNTER, OPEN, SECRET, both) == ["Condition/o"]
    assert entries_of("both", ENCOUNTER, OPEN, both) == ["Condition/s", "Condition/o"]


def test_a_shortened_list_has_no_copy_as_sent() -> None:
    both = structs.replace(heading("both", "Condition/s", "Condition/o"), original=b"{}")
    [found] = [found for found in permitted(ENCOUNTER, OPEN, SECRET, both).items if found.id == both.id]
    assert found.original is None


def test_a_shortened_list_does_not_tell_in_its_text_what_was_in_it() -> None:
    both = heading("both", "Condition/s", "Condition/o", text={"status": "generated", "div": "<div>Secret</div>"})
    [shortened] = [found for found in permitted(ENCOUNTER, OPEN, SECRET, both).items if found.id == both.id]
    assert b"Secret" not in shortened.resource
    [whole] = [found for found in permitted(ENCOUNTER, OPEN, both).items if found.id == both.id]
    assert whole == both


def test_a_heading_with_nothing_else_under_it_is_gone_and_so_is_the_topic_above_it() -> None:
    tree = (
        heading("consultation", "List/topic", "List/other"),
        heading("topic", "List/history"),
        heading("history", "Condition/s"),
        heading("other", "Condition/o"),
    )
    assert shown(ENCOUNTER, OPEN, SECRET, *tree) == ["e", "o", "consultation", "other"]
    assert entries_of("consultation", ENCOUNTER, OPEN, SECRET, *tree) == ["List/other"]


def test_a_topic_about_a_withheld_problem_is_not_shown_and_its_headings_are() -> None:
    about = {"url": "RelatedProblemHeader", "extension": [{"valueReference": {"reference": "Condition/s"}}]}
    tree = (
        heading("topic", "List/history", extension=[about], title="What nobody may know"),
        heading("history", "Condition/o"),
    )
    assert shown(ENCOUNTER, OPEN, SECRET, *tree) == ["e", "o", "history"]


def test_the_lists_of_a_withheld_consultation_are_not_shown() -> None:
    secret = item(resource={"resourceType": "Encounter", "id": "e", "meta": restricted()})
    assert shown(secret, OPEN, heading("history", "List/topic"), listed("topic", "Condition/elsewhere")) == ["o"]


def test_lists_that_name_each_other_come_to_an_end() -> None:
    tree = (heading("a", "List/b"), heading("b", "List/a"))
    assert shown(ENCOUNTER, *tree) == ["e", "a", "b"]
    assert shown(OPEN, *tree) == ["o"]


def test_a_chain_of_thousands_of_lists_is_followed_to_its_end() -> None:
    length = 3_000
    chain = [listed(f"l{place}", f"List/l{place + 1}") for place in range(length)]
    to_what_is_shown = listed(f"l{length}", "Condition/o")
    to_what_is_withheld = listed(f"l{length}", "Condition/s")
    assert len(shown(OPEN, *chain, to_what_is_shown)) == length + 2
    assert shown(SECRET, OPEN, *chain, to_what_is_withheld) == ["o"]


def test_an_empty_list_of_a_consultation_is_shown() -> None:
    assert shown(ENCOUNTER, heading("empty")) == ["e", "empty"]


PRACTITIONER = item(resource={"resourceType": "Practitioner", "id": "p"})


def role(name: str, **members: Any) -> Item:
    return item(resource={"resourceType": "PractitionerRole", "id": name, **members})


def test_the_role_of_somebody_named_is_shown_with_its_organisation() -> None:
    names_him = item(resource=condition(id="c", recorder={"reference": "Practitioner/p"}))
    his = role("r", practitioner={"reference": "Practitioner/p"}, organization={"reference": "Organization/x"})
    organisation = item(resource={"resourceType": "Organization", "id": "x"})
    assert shown(names_him, PRACTITIONER, his, organisation) == ["c", "p", "r", "x"]
    assert shown(OPEN, PRACTITIONER, his, organisation) == ["o"]


def test_what_points_to_what_is_withheld_is_shown_without_that() -> None:
    names_him = item(resource=condition(id="c", recorder={"reference": "Practitioner/p"}))
    telling = item(
        resource={
            "resourceType": "Provenance",
            "id": "t",
            "target": [{"reference": "Condition/c"}, {"reference": "Condition/s"}],
        }
    )
    [*_, left] = permitted(names_him, PRACTITIONER, SECRET, telling).items
    assert json.loads(left.resource)["target"] == [{"reference": "Condition/c"}]
    assert permitted(names_him, PRACTITIONER, telling).items[-1] == telling
    of_secret = item(resource={"resourceType": "Provenance", "id": "t", "target": [{"reference": "Condition/s"}]})
    assert shown(OPEN, SECRET, of_secret) == ["o"]


def test_a_labelled_role_is_withheld_though_it_arranges() -> None:
    names_him = item(resource=condition(id="c", recorder={"reference": "Practitioner/p"}))
    his = role("r", practitioner={"reference": "Practitioner/p"}, meta=restricted(code="V"))
    found = permitted(names_him, PRACTITIONER, his)
    assert [json.loads(one.resource)["id"] for one in found.items] == ["c", "p"]
    assert found.withheld == (his,)


def test_a_list_that_something_leads_to_is_shown_without_what_is_withheld() -> None:
    points = item(resource=condition(id="c", extension=[{"url": "u", "valueReference": {"reference": "List/both"}}]))
    both = listed("both", "Condition/s", "Condition/elsewhere")
    assert entries_of("both", points, SECRET, both) == ["Condition/elsewhere"]
    assert shown(points, SECRET, listed("both", "Condition/s")) == ["c"]


def test_a_list_that_says_that_there_is_nothing_is_shown_whatever_is_withheld() -> None:
    nothing = item_of_bytes(
        resource=b'{"resourceType":"List","id":"nothing","emptyReason":{"text":"no content recorded"}}',
        category=SUPPORTING,
    )
    assert shown(OPEN, SECRET, nothing) == ["o", "nothing"]


def test_what_the_patient_is_said_to_be_registered_with_is_shown() -> None:
    patient = item_of_bytes(
        resource=b'{"resourceType":"Patient","generalPractitioner":[{"reference":"Practitioner/p"}]}',
        category=SUPPORTING,
    )
    found = permit(items=[PRACTITIONER], decision=permitting(), patients=[patient])
    assert found.items == (PRACTITIONER,)
    assert permitted(PRACTITIONER).items == ()
