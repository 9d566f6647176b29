"""How severe a thing is said to be, for comparing what sources say of it."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.seriousness import NO_WARNING, assessments_of, seriousness_of
from tests.factories import allergy, concept, condition


@pytest.mark.parametrize(
    "severity",
    [
        "severe",
        " Severe ",
        {"text": "SEVERE"},
        concept(code="24484000"),
        concept(code="24484000", display="Schwer"),
        concept(code="24484000", display="Schwer", words="schwer"),
        concept(code="99", display="Severe"),
    ],
)
def test_a_severity_means_the_same_as_a_word_a_code_or_a_text(severity: object) -> None:
    told = condition(severity=severity)
    assert assessments_of(resource=told) == (("Severity", "severe"),)
    assert seriousness_of(resource=told).severity == 3


@pytest.mark.parametrize("words", ["life-threatening", "Life threatening"])
def test_the_two_spellings_of_a_threat_to_life_are_one_severity(words: str) -> None:
    told = condition(severity={"text": words})
    assert assessments_of(resource=told) == (("Severity", "life-threatening"),)


@pytest.mark.parametrize(
    ("severities", "strongest"),
    [
        (("mild", "fatal"), "fatal"),
        (("severe", {"text": "Life threatening"}), "life-threatening"),
        (("mild", {"text": "worst ever"}), "mild"),
        (({"text": "Dreadful"}, {"text": "Worst  ever"}), "worst ever"),
        (("",), ""),
    ],
)
def test_the_most_severe_of_several_reactions_is_compared(severities: tuple[Any, ...], strongest: str) -> None:
    told = allergy(reaction=[{"severity": severity} for severity in severities])
    assert assessments_of(resource=told) == ((("Severity", strongest),) if strongest else ())


@pytest.mark.parametrize(
    "reaction",
    [
        {"description": "Went into anaphylaxis"},
        {"manifestation": [{"text": "Angio-oedema"}]},
        {"manifestation": [concept(code="39579001", display="Anafilaxia")]},
    ],
)
def test_a_reaction_that_threatens_life_is_severe_though_nobody_says_so(reaction: dict[str, Any]) -> None:
    assert seriousness_of(resource=allergy(reaction=[reaction])).severity == 3
    assert assessments_of(resource=allergy(reaction=[reaction])) == ()


def test_what_gives_no_warning_gives_none() -> None:
    assert seriousness_of(resource=condition()) == NO_WARNING
    assert assessments_of(resource=condition()) == ()


@pytest.mark.parametrize("severity", ["dreadful", {"text": "Dreadful"}])
def test_a_severity_in_words_of_its_own_is_compared_as_it_is_written(severity: object) -> None:
    told = allergy(reaction=[{"severity": severity}])
    assert dict(assessments_of(resource=told))["Severity"] == "dreadful"
