"""What a practice's refusal means: its Spine codes first, then its status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.contract.errors import Malformed, Refused, SourceError, Unreachable
from connectors.contract.outcomes import Reason
from connectors.gp_connect.errors import error_of, outcome_in, spine_codes


def outcome(*codes: object) -> bytes:
    issues: list[Any] = [{"details": {"coding": [{"code": code}]}} for code in codes]
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


def told(status: int, body: bytes) -> tuple[type[SourceError], Reason]:
    error = error_of(status=status, body=body)
    return type(error), error.reason


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("PATIENT_NOT_FOUND", Refused, Reason.NOT_RELEASED),
        ("NO_PATIENT_CONSENT", Refused, Reason.PATIENT_CONSENT),
        ("ACCESS_DENIED", Refused, Reason.ORGANISATION_CONSENT),
        ("NO_RELATIONSHIP", Refused, Reason.RELATIONSHIP),
        ("ASID_CHECK_FAILED", Refused, Reason.CREDENTIALS),
        ("INTERNAL_SERVER_ERROR", Unreachable, Reason.STATUS),
        ("ERROR_COMMUNICATING_TO_ENDPOINT_URL", Unreachable, Reason.GATEWAY),
        ("INVALID_NHS_NUMBER", Malformed, Reason.NUMBER_REJECTED),
        ("INVALID_PATIENT_DEMOGRAPHICS", Malformed, Reason.DEMOGRAPHICS_REJECTED),
        ("BAD_REQUEST", Malformed, Reason.REQUEST_REJECTED),
    ],
)
@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_spine_code_says_more_than_the_status(
    code: str, kind: type[SourceError], reason: Reason, status: int
) -> None:
    assert told(status, outcome(code)) == (kind, reason)
    assert told(status, outcome("UNHEARD_OF", 7, code, "BAD_REQUEST")) == (kind, reason)


@pytest.mark.parametrize("other", ["INTERNAL_SERVER_ERROR", "BAD_REQUEST", "ERROR_COMMUNICATING_TO_ENDPOINT_URL"])
def test_a_refusal_is_final_whatever_else_is_said(other: str) -> None:
    assert told(500, outcome(other, "NO_PATIENT_CONSENT")) == (Refused, Reason.PATIENT_CONSENT)


@pytest.mark.parametrize("code", ["no_patient_consent", " NO_PATIENT_CONSENT ", "No patient consent"])
def test_a_code_is_read_in_whatever_spelling(code: str) -> None:
    assert told(403, outcome(code)) == (Refused, Reason.PATIENT_CONSENT)
    issue = {"details": {"coding": {"code": code}}}
    alone = json.dumps({"resourceType": "OperationOutcome", "issue": issue}).encode()
    assert told(403, alone) == (Refused, Reason.PATIENT_CONSENT)


@pytest.mark.parametrize(
    ("statuses", "kind", "reason"),
    [
        ((401, 403), Refused, Reason.CREDENTIALS),
        ((502, 504), Unreachable, Reason.GATEWAY),
        ((408, 429, 500, 503), Unreachable, Reason.STATUS),
        ((400, 409, 422, 501), Malformed, Reason.REQUEST_REJECTED),
        ((200, 404, 405, 410, 418), Malformed, Reason.NOT_FHIR),
    ],
)
def test_a_status_speaks_where_no_code_does(statuses: tuple[int, ...], kind: type[SourceError], reason: Reason) -> None:
    for body in (outcome(), outcome("UNHEARD_OF"), b'{"resourceType":"OperationOutcome","issue":7}'):
        assert {told(status, body) for status in statuses} == {(kind, reason)}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"resourceType":"Patient"}'])
def test_nothing_at_the_address_is_no_practice(body: bytes) -> None:
    assert {told(status, body) for status in (404, 405, 410, 501)} == {(Unreachable, Reason.NO_FHIR_SERVER)}
    assert told(200, body) == (Malformed, Reason.NOT_FHIR)
    assert told(400, body) == (Malformed, Reason.REQUEST_REJECTED)
    assert outcome_in(body) is None


def test_an_outcome_in_xml_without_a_code_is_a_practices_all_the_same() -> None:
    assert outcome_in(b'<OperationOutcome xmlns="http://hl7.org/fhir"/>') == {}
    assert told(404, b"<OperationOutcome/>") == (Malformed, Reason.NOT_FHIR)


def in_xml(*codes: str, before: str = "", within: str = "") -> bytes:
    issues = "".join(
        '<issue><severity value="error"/><code value="forbidden"/><details><coding>'
        f'<system value="s"/><code value="{code}"/></coding>{within}</details></issue>'
        for code in codes
    )
    return f'{before}<OperationOutcome xmlns="http://hl7.org/fhir">{issues}</OperationOutcome>'.encode()


DECLARED = '<?xml version="1.0" encoding="UTF-8"?>'


@pytest.mark.parametrize("before", ["", DECLARED, f"{DECLARED}<!-- by a proxy -->", "\ufeff"])
def test_the_codes_of_an_outcome_in_xml_are_read_as_in_json(before: str) -> None:
    assert told(403, in_xml("NO_PATIENT_CONSENT", before=before)) == (Refused, Reason.PATIENT_CONSENT)
    assert told(404, in_xml("PATIENT_NOT_FOUND", before=before)) == (Refused, Reason.NOT_RELEASED)
    several = in_xml("INTERNAL_SERVER_ERROR", "NO_PATIENT_CONSENT", before=before)
    assert told(500, several) == (Refused, Reason.PATIENT_CONSENT)


ENTITY = '<!DOCTYPE x [<!ENTITY a "NO_PATIENT_CONSENT">]>'
OUTSIDE = '<!DOCTYPE x SYSTEM "file:///etc/hostname">'


@pytest.mark.parametrize(
    "body",
    [
        in_xml("&a;", before=ENTITY),
        in_xml("NO_PATIENT_CONSENT", before=ENTITY),
        in_xml("NO_PATIENT_CONSENT", before=OUTSIDE),
        in_xml("NO_PATIENT_CONSENT")[:-3],
        in_xml("NO_PATIENT_CONSENT", within="<x>" * 100 + "</x>" * 100),
        in_xml("NO_PATIENT_CONSENT", within="<x/>" * 60_000),
        b"<x>" + in_xml("NO_PATIENT_CONSENT") + b"</x>",
        in_xml("NO_PATIENT_CONSENT", before="<?xml version='1.0' encoding='no-such'?>"),
    ],
)
def test_xml_that_declares_a_type_or_is_deep_huge_or_broken_is_not_read(body: bytes) -> None:
    assert outcome_in(body) == {}
    assert told(403, body) == (Refused, Reason.CREDENTIALS)


def test_every_code_of_every_issue_is_read_in_order() -> None:
    issues = [
        {"details": {"coding": [{"code": "A"}, {"code": ""}, {"system": "s"}, {"code": "B"}]}},
        {"details": "x"},
        "x",
        {"details": {"coding": [{"code": "C"}]}},
    ]
    assert spine_codes(issues=issues) == ("A", "B", "C")
    assert spine_codes(issues=None) == ()
