"""A FHIR Consent becomes a policy and a policy a Consent; what cannot be honoured is refused."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import Role
from aggregator.api.fhir.consent_codes import BASE_OF_URI
from aggregator.api.fhir.consent_reading import ConsentSent, read_consent_resource
from aggregator.api.fhir.consent_writing import consent_resource
from aggregator.consent.terms import (
    Actor,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    Period,
    PolicyTerms,
    Provision,
    RecordedPolicy,
    british_days,
)
from aggregator.errors import Invalid
from aggregator.services.policy_lines import PolicyLine
from connectors.contract.categories import RecordCategory
from fhir_data import exact_json
from fhir_data.labels import Label
from fhir_data.releases import Release
from fhir_data.verdict import RefusedEntry, verdict
from tests import proofs
from tests.consent_reference import policies
from tests.factories import CONFIDENTIALITY, NOW

BASE, ODS = "https://records.example/fhir", "X99101"
PATIENT, SOURCE, USER = UUID(int=1), UUID(int=2), UUID(int=3)
Json = dict[str, Any]

CONSENT: Json = {
    "resourceType": "Consent",
    "status": "active",
    "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
    "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
    "patient": {"reference": f"Patient/{PATIENT}"},
    "dateTime": "2025-06-01",
    "performer": [{"reference": f"Patient/{PATIENT}"}],
    "organization": [{"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": ODS}}],
    "sourceAttachment": {"title": "Form signed at the surgery"},
    "policy": [{"uri": "https://profiles.ihe.net/ITI/PCF/Policy-basic-normal"}],
    "provision": {"type": "permit"},
}
PURPOSE = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH"}
IRCP = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
THE_SURGERY = {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": ODS}}
ITEM = {"identifier": {"system": f"urn:uuid:{SOURCE}", "value": "Observation/7"}}
DEVICE = {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{SOURCE}"}}


def read(resource: Json) -> ConsentSent:
    return read_consent_resource(body=json.dumps(resource).encode(), base=BASE, organisation_ods=ODS)


def consent(provision: Json, **members: Any) -> Json:
    return {**deepcopy(CONSENT), "provision": provision, **members}


def denying(**members: Any) -> Json:
    return consent({"type": "permit", "provision": [{"type": "deny", **members}]})


def test_a_plain_consent_is_its_base_policy() -> None:
    sent = read(CONSENT)
    assert (sent.person_id, sent.terms, sent.note) == (
        PATIENT,
        PolicyTerms(base=BasePolicy.PERMIT),
        "Form signed at the surgery",
    )
    for uri, base in BASE_OF_URI.items():
        kind = "deny" if base in {BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY} else "permit"
        assert read(consent({"type": kind}, policy=[{"uri": uri}])).terms == PolicyTerms(base=base)
    assert read(consent({"type": "deny"})).terms.root == Provision(effect=Effect.DENY)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"purpose": [PURPOSE]}, {"purposes": frozenset({PurposeOfUse.RESEARCH})}),
        (
            {"actor": [{"role": IRCP, "reference": THE_SURGERY}]},
            {"actors": frozenset({Actor.organisation(ODS)})},
        ),
        (
            {"actor": [{"role": IRCP, "reference": {"reference": f"Practitioner/{USER}"}}]},
            {"actors": frozenset({Actor.user(USER)})},
        ),
        (
            {"actor": [{"role": IRCP, "reference": {"identifier": {"system": f"{BASE}/role", "value": "nurse"}}}]},
            {"actors": frozenset({Actor.role(Role.NURSE)})},
        ),
        (
            {"class": [{"system": f"{BASE}/record-category", "code": "documents"}]},
            {"categories": frozenset({RecordCategory.DOCUMENTS})},
        ),
        ({"data": [{"meaning": "authoredby", "reference": DEVICE}]}, {"sources": frozenset({SOURCE})}),
        (
            {"data": [{"meaning": "instance", "reference": ITEM}]},
            {"items": frozenset({ItemKey(source_id=SOURCE, resource_type="Observation", resource_id="7")})},
        ),
        (
            {"data": [{"meaning": "related", "reference": ITEM}]},
            {"items": frozenset({ItemKey(source_id=SOURCE, resource_type="Observation", resource_id="7")})},
        ),
        (
            {"securityLabel": [{"system": CONFIDENTIALITY, "code": "R"}]},
            {"labels": frozenset({Label(system=CONFIDENTIALITY, code="R")})},
        ),
        (
            {"dataPeriod": {"start": "2020", "end": "2021-02"}},
            {"data_period": DataPeriod(start=date(2020, 1, 1), end=date(2021, 2, 28))},
        ),
        ({"dataPeriod": {"end": "2020-12"}}, {"data_period": DataPeriod(end=date(2020, 12, 31))}),
        ({"period": {"start": "2026-05-04"}}, {"period": british_days(first=date(2026, 5, 4), last=None)}),
        ({"period": {"end": "2026"}}, {"period": british_days(first=None, last=date(2026, 12, 31))}),
        # The second that an end names is within the period.
        (
            {"period": {"end": "2026-05-04T10:00:00Z"}},
            {"period": Period(end=datetime(2026, 5, 4, 10, 0, 1, tzinfo=UTC))},
        ),
    ],
)
def test_each_element_of_a_provision_is_a_condition(members: Json, named: dict[str, Any]) -> None:
    assert read(denying(**members)).terms.exceptions == (Provision(effect=Effect.DENY, **named),)


REFUSED: dict[str, tuple[Json, str]] = {
    "another resource": ({**CONSENT, "resourceType": "Patient"}, "Consent"),
    "an unknown element": ({**CONSENT, "verification": [{"verified": True}]}, "Consent.verification"),
    "contained": ({**CONSENT, "contained": [{"resourceType": "Consent", "id": "c"}]}, "Consent.contained"),
    "an extension": ({**CONSENT, "extension": []}, "Consent.extension"),
    "an extension deeper down": (
        {**CONSENT, "patient": {**CONSENT["patient"], "extension": [{"url": "x"}]}},
        "Consent.patient",
    ),
    "an element of its extension": ({**CONSENT, "_status": {"id": "x"}}, "Consent"),
    "no scope": ({name: value for name, value in CONSENT.items() if name != "scope"}, "Consent.scope"),
    "another scope": ({**CONSENT, "scope": {"coding": [{"system": "x", "code": "research"}]}}, "Consent.scope"),
    "another category": ({**CONSENT, "category": [{"text": "x"}]}, "Consent.category"),
    "a category that is no list": ({**CONSENT, "category": "59284-0"}, "Consent.category"),
    "no patient": ({**CONSENT, "patient": {"display": "Joan"}}, "Consent.patient"),
    "a patient elsewhere": ({**CONSENT, "patient": {"reference": f"https://x/Patient/{PATIENT}"}}, "Consent.patient"),
    "a patient that is a number": ({**CONSENT, "patient": {"reference": 7}}, "Consent.patient"),
    "a performer who is another patient": (
        {**CONSENT, "performer": [{"reference": f"Patient/{USER}"}]},
        "Consent.performer",
    ),
    "nobody performing": ({**CONSENT, "performer": []}, "Consent.performer"),
    "another organisation": (
        {**CONSENT, "organization": [{"identifier": {**THE_SURGERY["identifier"], "value": "X99109"}}]},
        "Consent.organization",
    ),
    "a date of no calendar": ({**CONSENT, "dateTime": "2025-02-30"}, "Consent.dateTime"),
    "no source": ({name: value for name, value in CONSENT.items() if name != "sourceAttachment"}, "Consent.source"),
    "a document": ({**CONSENT, "sourceAttachment": {"title": "x", "data": "eA=="}}, "Consent.source"),
    "an address": (
        {**CONSENT, "sourceAttachment": {"title": "x", "url": "http://10.0.0.1/"}},
        "Consent.sourceAttachment",
    ),
    "a policy of somebody else": ({**CONSENT, "policy": [{"uri": "http://example.org/policy"}]}, "Consent.policy"),
    "two policies": ({**CONSENT, "policy": CONSENT["policy"] * 2}, "Consent.policy"),
    "no provision": ({name: value for name, value in CONSENT.items() if name != "provision"}, "Consent.provision"),
    "no type": (consent({"purpose": [PURPOSE]}), "Consent.provision.type"),
    "an unknown type": (consent({"type": "maybe"}), "Consent.provision.type"),
    "an action": (consent({"type": "permit", "action": []}), "Consent.provision.action"),
    "a code": (consent({"type": "permit", "code": []}), "Consent.provision.code"),
    "an unknown purpose": (denying(purpose=[{**PURPOSE, "code": "FUN"}]), "Consent.provision.provision[0].purpose"),
    "a purpose of another system": (
        denying(purpose=[{**PURPOSE, "system": "x"}]),
        "Consent.provision.provision[0].purpose",
    ),
    "no purpose": (denying(purpose=[]), "Consent.provision.provision[0].purpose"),
    "an actor in another role": (
        denying(actor=[{"role": {"text": "x"}, "reference": THE_SURGERY}]),
        "Consent.provision.provision[0].actor.role",
    ),
    "a group": (
        denying(actor=[{"role": IRCP, "reference": {"reference": "Group/1"}}]),
        "Consent.provision.provision[0].actor.reference",
    ),
    "a Consent that names itself": (
        denying(data=[{"meaning": "instance", "reference": {"reference": "Consent/1"}}]),
        "Consent.provision.provision[0].data.reference.reference",
    ),
    "data that depend": (
        denying(data=[{"meaning": "dependents", "reference": ITEM}]),
        "Consent.provision.provision[0].data",
    ),
    "sources and items": (
        denying(data=[{"meaning": "instance", "reference": ITEM}, {"meaning": "authoredby", "reference": DEVICE}]),
        "Consent.provision.provision[0].data",
    ),
    "a period without bounds": (denying(period={"id": "x"}), "Consent.provision.provision[0].period.id"),
    "an empty period": (denying(period={}), "Consent.provision.provision[0].period"),
    "a moment without a zone": (
        denying(period={"end": "2026-05-04T10:00:00"}),
        "Consent.provision.provision[0].period.end",
    ),
    "data of a moment": (
        denying(dataPeriod={"end": "2026-05-04T10:00:00Z"}),
        "Consent.provision.provision[0].dataPeriod",
    ),
    "the year nought": (denying(dataPeriod={"end": "0000"}), "Consent.provision.provision[0].dataPeriod"),
    "the last moment": (
        denying(period={"end": "9999-12-31T23:59:59Z"}),
        "Consent.provision.provision[0].period.end",
    ),
    "a moment before all others": (
        denying(period={"start": "0001-01-01T00:00:00+14:00"}),
        "Consent.provision.provision[0].period.start",
    ),
    "a moment after all others": (
        denying(period={"start": "9999-12-31T23:59:59-12:00"}),
        "Consent.provision.provision[0].period.start",
    ),
    "the last year": (denying(dataPeriod={"end": "9999"}), "Consent.provision.provision[0].dataPeriod"),
    "two nested levels": (
        denying(provision=[{"type": "permit", "purpose": [PURPOSE]}]),
        "Consent.provision.provision[0].provision",
    ),
}


@pytest.mark.parametrize(("resource", "place"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_honoured_is_refused_where_it_stands(resource: Json, place: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(resource)
    assert refused.value.field == place


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"resourceType":"Consent","status":"active","status":"inactive"}',
        b'{"resourceType":"Consent","provision":{"type":"deny","type":"permit"}}',
        b"[" * 2000,
        b'{"resourceType":"Consent","provision":{"type":"permit","period":{"start":1e999}}}',
        b'{"resourceType":"Consent","note":"\\ud800"}',
        b'{"resourceType":"Consent","note":"\\u0000"}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_not_one_plain_resource_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        read_consent_resource(body=body, base=BASE, organisation_ods=ODS)


# And back


def line_of(terms: PolicyTerms, **values: Any) -> PolicyLine:
    policy = RecordedPolicy(
        policy_id=UUID(int=9),
        person_id=PATIENT,
        terms=terms,
        note="By <b>letter</b>.",
        recorded_by=None,
        recorded_at=NOW,
        **values,
    )
    return PolicyLine(policy=policy, words=("Shared & <not>.",), recorded_by="", ended_by="")


@proofs.laws(examples=100)
@given(terms=policies())
def test_a_policy_is_the_same_read_from_the_consent_that_it_is_written_as(terms: PolicyTerms) -> None:
    terms = replace(terms, ended_at=None, is_understood=True)
    contents = [each for each in (terms.root, *terms.exceptions) if each is not None]
    if any(each.sources and each.items for each in contents):
        return  # a Consent cannot say both
    written = consent_resource(line=line_of(terms), base=BASE, now=NOW)
    written["organization"] = CONSENT["organization"]
    body = exact_json.encode({name: value for name, value in written.items() if name != "text"})
    assert not isinstance(verdict(entry=body, release=Release.R4), RefusedEntry)
    back = read_consent_resource(body=body, base=BASE, organisation_ods=ODS).terms
    assert back.base is terms.base
    # A root that says what the base says is none.
    assert [each for each in (back.root, *back.exceptions) if each is not None] in (contents, contents[1:])


@pytest.mark.parametrize(
    ("terms", "profile"),
    [
        (PolicyTerms(base=BasePolicy.DENY), "Basic"),
        (
            PolicyTerms(
                base=BasePolicy.PERMIT,
                root=Provision(effect=Effect.PERMIT, purposes=frozenset({PurposeOfUse.RESEARCH})),
            ),
            "Intermediate",
        ),
        (
            PolicyTerms(
                base=BasePolicy.PERMIT,
                exceptions=(Provision(effect=Effect.DENY, sources=frozenset({SOURCE})),),
            ),
            "Intermediate",
        ),
        (
            PolicyTerms(
                base=BasePolicy.PERMIT,
                exceptions=(
                    Provision(effect=Effect.PERMIT, labels=frozenset({Label(system=CONFIDENTIALITY, code="R")})),
                ),
            ),
            "Advanced",
        ),
        (
            PolicyTerms(
                base=BasePolicy.PERMIT,
                exceptions=(Provision(effect=Effect.DENY, categories=frozenset({RecordCategory.RESULTS})),),
            ),
            None,
        ),
    ],
)
def test_a_consent_claims_the_level_that_it_keeps_to(terms: PolicyTerms, profile: str | None) -> None:
    written = consent_resource(line=line_of(terms), base=BASE, now=NOW)
    claimed = written["meta"].get("profile")
    assert claimed == (
        [f"https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consent{profile}"] if profile else None
    )


def test_a_withdrawn_consent_is_inactive_and_its_words_are_no_markup() -> None:
    ended = replace(PolicyTerms(base=BasePolicy.DENY), ended_at=NOW)
    written = consent_resource(line=line_of(ended), base=BASE, now=NOW)
    assert (written["status"], written["meta"]["versionId"]) == ("inactive", "2")
    assert "<p>Shared &amp; &lt;not&gt;.</p>" in written["text"]["div"]
