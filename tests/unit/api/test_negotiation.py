"""Which formats the FHIR door answers in, and which parameters every interaction may have."""

from __future__ import annotations

import pytest

from aggregator.api.fhir.negotiation import is_json_wanted, own_parameters
from aggregator.errors import Invalid

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
HAPI = (
    "application/fhir+xml;q=1.0, application/fhir+json;q=1.0, application/xml+fhir;q=0.9, application/json+fhir;q=0.9"
)


@pytest.mark.parametrize(
    ("accept", "is_wanted"),
    [
        ("", True),
        ("  ", True),
        ("*/*", True),
        ("application/*", True),
        ("application/json", True),
        ("application/fhir+json", True),
        ("Application/FHIR+JSON", True),
        ("application/fhir+json; charset=utf-8", True),
        ("application/fhir+json; fhirVersion=4.0", True),
        ('application/fhir+json;fhirVersion="4.0"', True),
        ("application/fhir+json;q=0.1", True),
        (BROWSER, True),
        (HAPI, True),
        ("application/fhir+xml, */*;q=0.1", True),
        ("application/fhir+json;fhirVersion=3.0, application/fhir+json;fhirVersion=4.0", True),
        ("application/fhir+json;fhirVersion=3.0", False),
        ("application/fhir+json;fhirVersion=5.0", False),
        ("application/fhir+xml", False),
        ("application/xml, text/html", False),
        ("text/turtle", False),
        ("application/fhir+json;q=0", False),
        ("application/fhir+json;q=0, */*", False),
        ("application/fhir+json;q=0.000, application/json;q=0", False),
        ("*/*;q=0", False),
        ("application/*;q=0, */*", False),
        ('text/plain; said="a, application/fhir+json"', False),
    ],
)
def test_json_is_answered_to_whoever_takes_it(accept: str, is_wanted: bool) -> None:
    assert is_json_wanted(accept=accept, formats=()) is is_wanted


@pytest.mark.parametrize(
    ("named", "is_wanted"),
    [
        (["json"], True),
        (["application/json"], True),
        (["application/fhir+json"], True),
        (["application/fhir json"], True),
        (["application/fhir+json; fhirVersion=4.0"], True),
        (["JSON"], True),
        (["json", "application/fhir+json"], True),
        (["xml"], False),
        (["json", "xml"], False),
        (["application/fhir+json; fhirVersion=3.0"], False),
        (["html"], False),
        (["anything"], False),
    ],
)
def test_a_format_that_is_named_counts_and_not_the_header(named: list[str], is_wanted: bool) -> None:
    for accept in ("application/fhir+json", "application/fhir+xml", ""):
        assert is_json_wanted(accept=accept, formats=named) is is_wanted


def test_a_format_that_is_empty_is_none() -> None:
    assert is_json_wanted(accept="application/fhir+json", formats=[""])
    assert not is_json_wanted(accept="application/fhir+xml", formats=[""])


def test_what_every_interaction_may_have_is_not_its_own() -> None:
    sent = {"_format": ["json"], "_pretty": ["true"], "_summary": ["false"], "patient": ["1"], "_elements": ["id"]}
    assert own_parameters(sent) == {"patient": ["1"], "_elements": ["id"]}


@pytest.mark.parametrize("summary", ["true", "text", "data", "count", "False", "anything"])
def test_no_summary_is_made(summary: str) -> None:
    with pytest.raises(Invalid):
        own_parameters({"_summary": ["false", summary]})
