"""What may change the meaning of what is said is never read past: modifier extensions, rules of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.merge import merge
from aggregator.record.timeline import Standing
from tests.factories import allergy, condition, fact, item, no_known_allergy, observation, order, procedure

# As a source of the STU3 payloads marks what did not occur.
NOT_SO = {"url": "http://example.org/fhir/StructureDefinition/NonOccurrenceModifier-extension", "valueBoolean": True}
MODIFIED: list[dict[str, Any]] = [
    {"modifierExtension": [NOT_SO]},
    {
        "note": [{"text": "Seen", "extension": []}],
        "contained": [{"resourceType": "Medication", "modifierExtension": [NOT_SO]}],
    },
    {"implicitRules": "http://example.org/rules/reversed"},
]


@pytest.mark.parametrize("members", MODIFIED)
@pytest.mark.parametrize("make", [allergy, condition, observation, order, procedure])
def test_what_may_be_turned_round_is_shown_as_not_known_and_says_why(make: Any, members: dict[str, Any]) -> None:
    read = fact(resource=make(**members))
    assert read.standing is Standing.UNKNOWN
    assert read.is_doubted
    assert read.stands_alone
    ((_, words),) = [line for line in read.details if line[0] == "May change the meaning"]
    assert words in ("NonOccurrenceModifier-extension: true", "http://example.org/rules/reversed")


def test_within_an_element_it_turns_round_the_whole() -> None:
    read = fact(resource=order(dosageInstruction=[{"text": "one a day", "modifierExtension": [NOT_SO]}]))
    assert read.is_doubted
    assert fact(resource=order(dosageInstruction=[{"text": "one a day"}])).is_doubted is False


def test_what_its_publisher_may_turn_round_joins_nothing_and_denies_nothing() -> None:
    (section,) = merge(
        items=[item(resource=allergy(), source="a"), item(resource=allergy(modifierExtension=[NOT_SO]), source="b")]
    ).sections
    assert len(section.entries) == 2
    read = fact(resource=no_known_allergy(modifierExtension=[NOT_SO]))
    assert read.standing is Standing.NO_INFORMATION


def test_a_retraction_holds_beside_it() -> None:
    read = fact(resource=observation(status="entered-in-error", modifierExtension=[NOT_SO]))
    assert read.standing is Standing.RETRACTED
