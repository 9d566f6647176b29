"""A hospital's answer as a whole: what becomes of every entry, with all that is said of it; who the patient is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Reason
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from connectors.fhir_r4.answer import read_pages
from connectors.reading import expect_bundle, notice_of_issue, split_answer
from connectors.transport.pace import finish
from fhir_data.errors import EntryFault
from fhir_data.flaws import UNKNOWN_FIELD, Flaw, FlawReason
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from fhir_data.labels import Label
from tests.rereading import read_anew_and_again

Json = dict[str, Any]

BASE, ELSEWHERE = "https://hospital.example/fhir", "https://other.example/fhir"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
RESTRICTED, NORMAL = Label(system=CONFIDENTIALITY, code="R"), Label(system=CONFIDENTIALITY, code="N")


def patient(key: str, number: str = "", **members: Any) -> Json:
    identifiers = {"identifier": [{"system": NHS_NUMBER_SYSTEM, "value": number}]} if number else {}
    return {"resourceType": "Patient", "id": key, **identifiers, **members}


OURS, OTHER = patient("ours", "9990001006"), patient("other", "9990001014")


def condition(key: str, subject: str, **members: Any) -> Json:
    return {"resourceType": "Condition", "id": key, "subject": {"reference": subject}, **members}


def provenance(key: str, *targets: str) -> Json:
    return {
        "resourceType": "Provenance",
        "id": key,
        "target": [{"reference": target} for target in targets],
        "recorded": "2024-05-01T10:00:00Z",
        "agent": [{"who": {"display": "Ward"}}],
    }


def composition(subject: str, **members: Any) -> Json:
    return {"resourceType": "Composition", "title": "Summary", "subject": {"reference": subject}, **members}


def at(server: str, resource: Json) -> Json:
    return {"fullUrl": f"{server}/{resource['resourceType']}/{resource['id']}", "resource": resource}


def page(*entries: Json, labels: tuple[Label, ...] = (), **members: Any) -> Json:
    security = [{"system": label.system, "code": label.code} for label in labels]
    meta = {"meta": {"security": security}} if security else {}
    return {"resourceType": "Bundle", "type": "searchset", **meta, "entry": list(entries), **members}


def read(*pages: Json, patient_id: str | None = "ours", base: str = BASE) -> Reply:
    split = [split_answer(payload=json.dumps(sent).encode()) for sent in pages]
    return read_anew_and_again(pages=split, patient_id=patient_id, base=base)


def aside(
    entry: Json, detail: str, category: RecordCategory | None, *, reason: EntryFault = EntryFault.OTHER_PATIENT
) -> QuarantinedEntry:
    """Return an entry as it is set aside: its resource as sent, or all of it where it holds none."""
    return QuarantinedEntry(
        reason=reason,
        detail=detail,
        original=json.dumps(entry.get("resource", entry)).encode(),
        category=category,
        labels=(RESTRICTED,),
        full_url=entry["fullUrl"],
    )


def kinds(reply: Reply) -> list[str]:
    return [f"{sent['resourceType']}/{sent.get('id')}" for sent in (json.loads(item.resource) for item in reply.items)]


def test_every_entry_is_in_the_reply_once_with_all_that_is_said_of_it() -> None:
    subject = at(BASE, {**OURS, "birthDate": "yesterday", "odd": 1, "meta": {"security": [{"code": "own"}]}})
    theirs = at(BASE, condition("theirs", "Patient/ours", onsetDateTime="yesterday"))
    unnamed = at(BASE, {"resourceType": "Device", "id": "d", "patient": {"display": ""}})
    others = at(BASE, condition("others", "Patient/other"))
    other_patient = at(BASE, OTHER)
    telling = at(BASE, provenance("p", "Condition/others"))
    refused = at(BASE, {"resourceType": "Observation", "id": "o", "a": [0] * 50_001})
    typeless = {"fullUrl": f"{BASE}/Binary/1", "resource": {"id": "x"}}
    empty = {"fullUrl": f"{BASE}/Observation/2"}
    outcome = {
        "resourceType": "OperationOutcome",
        "id": "oo",
        "issue": [
            {"severity": "warning", "code": "not-supported", "diagnostics": "no documents"},
            {"severity": "warning", "code": "incomplete", "details": {"text": "not all"}},
        ],
    }
    sent = page(
        *(subject, theirs, unnamed, others, other_patient, telling, refused, typeless, empty, at(BASE, outcome)),
        labels=(RESTRICTED,),
    )
    reply = read(sent)
    own = (Label(system="", code="own"), RESTRICTED)
    assert reply == Reply(
        subject=json.dumps({**OURS, "meta": {"security": [{"code": "own"}]}}, separators=(",", ":")).encode(),
        subject_original=json.dumps(subject["resource"]).encode(),
        subject_url=f"{BASE}/Patient/ours",
        subject_labels=(RESTRICTED,),
        items=(
            ReceivedItem(
                category=RecordCategory.PROBLEMS,
                resource=json.dumps(theirs["resource"]).encode(),
                flaws=(Flaw(path="onsetDateTime", reason=FlawReason.NOT_A_DATE),),
                at_fault=("onsetDateTime",),
                full_url=f"{BASE}/Condition/theirs",
                subject_references=("Patient/ours",),
                labels=(RESTRICTED,),
            ),
            ReceivedItem(
                category=RecordCategory.SUPPORTING,
                resource=json.dumps(unnamed["resource"]).encode(),
                flaws=(Flaw(path="patient.display", reason=FlawReason.EMPTY),),
                at_fault=("patient",),
                full_url=f"{BASE}/Device/d",
                labels=(RESTRICTED,),
            ),
        ),
        quarantined=(
            aside(others, "subject", RecordCategory.PROBLEMS),
            aside(other_patient, "Patient", RecordCategory.SUPPORTING),
            aside(refused, "", RecordCategory.OBSERVATIONS, reason=EntryFault.TOO_LARGE),
            aside(typeless, "resourceType", None, reason=EntryFault.UNKNOWN_TYPE),
            aside(empty, "entry.resource", None, reason=EntryFault.INVALID),
            aside(telling, "target", RecordCategory.SUPPORTING),
        ),
        notices=(
            Notice(code=NoticeCode.NOT_SUPPORTED, text="no documents", labels=(RESTRICTED,)),
            Notice(code=NoticeCode.RESOURCE_WARNING, text="not all", labels=(RESTRICTED,)),
            Notice(
                code=NoticeCode.RESOURCE_WARNING,
                text=f"In its details of the patient these could not be read: {UNKNOWN_FIELD}, birthDate.",
                category=RecordCategory.SUPPORTING,
                labels=own,
            ),
        ),
    )


def test_a_patient_without_a_flaw_is_kept_byte_for_byte() -> None:
    reply = read(page(at(BASE, OURS)))
    assert reply == Reply(subject=json.dumps(OURS).encode(), subject_url=f"{BASE}/Patient/ours")


def test_what_says_nothing_of_a_patient_beside_one_is_marked() -> None:
    (item,) = read(page(at(BASE, OURS), {"resource": {"resourceType": "Condition"}})).items
    assert item.names_no_patient
    assert item.full_url == ""
    (item,) = read(page(at(BASE, OURS), {"resource": {"resourceType": "Practitioner"}})).items
    assert not item.names_no_patient


@pytest.mark.parametrize(
    ("entry", "reason", "detail"),
    [
        ('{"fullUrl":"a","fullUrl":"b","resource":{}}', EntryFault.DUPLICATE_KEY, "entry.resource"),
        ('"text"', EntryFault.INVALID, "entry.resource"),
        ('{"resource":{"resourceType":"Account","id":"a","id":"b"}}', EntryFault.DUPLICATE_KEY, ""),
        ('{"resource":{"resourceType":"Account","value":1e99}}', EntryFault.BAD_NUMBER, ""),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(entry: str, reason: EntryFault, detail: str) -> None:
    payload = f'{{"resourceType":"Bundle","entry":[{entry}]}}'.encode()
    (aside,) = finish(steps=read_pages(pages=[split_answer(payload=payload)], patient_id=None)).quarantined
    assert (aside.reason, aside.detail) == (reason, detail)


# Who the patient is


@pytest.mark.parametrize(
    ("entries", "patient_id", "who"),
    [
        ([OTHER, OURS], "ours", "ours"),
        ([OTHER, OURS], None, "other"),
        ([OTHER], "ours", None),
        ([], None, None),
        ([condition("c", "Patient/ours"), OTHER, OURS], None, "other"),  # only a Composition says whom all is about
        ([OTHER, OURS, composition("Patient/ours")], None, "ours"),
        ([OTHER, OURS, composition("Patient/gone")], None, "other"),
        ([composition("Patient/gone")], None, None),
        ([OTHER, OURS, composition(""), composition("Patient/ours")], None, "ours"),
    ],
)
def test_the_patient_is_the_one_asked_for_or_the_documents_or_the_first(
    entries: list[Json], patient_id: str | None, who: str | None
) -> None:
    sent = page({"fullUrl": "urn:uuid:e"}, *({"resource": resource} for resource in entries))
    reply = read(sent, patient_id=patient_id, base="")
    assert (json.loads(reply.subject)["id"] if reply.subject else None) == who
    assert len(reply.items) + len(reply.quarantined) == len(entries) + (who is None)


def test_a_document_names_the_patient_of_its_own_server() -> None:
    there = at(ELSEWHERE, {**OTHER, "id": "1"})
    here = at(BASE, {**OURS, "id": "1"})
    sent = page(there, here, at(BASE, composition("Patient/1", id="c")))
    assert read(sent, patient_id=None).subject_url == f"{BASE}/Patient/1"


def test_without_a_patient_everything_is_kept_and_nothing_is_said_of_whose_it_is() -> None:
    sent = page(at(BASE, condition("c", "Patient/ours")), at(BASE, OTHER), labels=(RESTRICTED,))
    reply = read(sent)
    assert (reply.subject, reply.subject_original, reply.subject_url, reply.subject_labels) == (None, None, "", ())
    assert kinds(reply) == ["Condition/c", "Patient/other"]
    assert [item.category for item in reply.items] == [RecordCategory.PROBLEMS, RecordCategory.SUPPORTING]
    assert not any(item.names_no_patient or item.subject_references for item in reply.items)


# Pages, servers and what is told of an entry


def test_what_several_pages_give_is_kept_once_with_the_labels_of_them_all() -> None:
    shared, repeated = at(BASE, condition("c", "Patient/ours")), at(BASE, condition("twice", "Patient/ours"))
    reply = read(
        page(at(BASE, OURS), shared, repeated, repeated, {"fullUrl": f"{BASE}/Observation/1"}, labels=(NORMAL,)),
        page(shared, {"fullUrl": f"{BASE}/Observation/1"}, labels=(RESTRICTED, NORMAL)),
        page(shared, at(BASE, condition("d", "Patient/ours"))),
    )
    assert kinds(reply) == ["Condition/c", "Condition/twice", "Condition/twice", "Condition/d"]
    assert [item.labels for item in reply.items] == [(NORMAL, RESTRICTED), (NORMAL,), (NORMAL,), ()]
    assert len(reply.quarantined) == 2


def test_what_one_page_gives_twice_is_kept_twice_and_has_the_labels_of_both() -> None:
    sent = at(BASE, condition("c", "Patient/ours"))
    labelled = {**sent, "meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}}
    reply = read(page(at(BASE, OURS), sent, labelled))
    assert kinds(reply) == ["Condition/c", "Condition/c"]
    assert [item.labels for item in reply.items] == [(RESTRICTED,), (RESTRICTED,)]


def test_what_a_file_says_of_its_own_server_is_not_believed() -> None:
    inner = "http://fhir.internal/R4"
    sent = page(
        {"resource": OURS},
        at(inner, condition("c", "Patient/ours")),
        link=[{"relation": "self", "url": f"{inner}/Condition"}],
    )
    assert kinds(read(sent)) == ["Condition/c"]
    assert kinds(read(sent, base="")) == []


def test_what_is_told_of_an_entry_goes_with_the_entry_of_its_own_server() -> None:
    reply = read(
        page(
            at(BASE, OURS),
            at(BASE, condition("c", "Patient/other")),
            at(ELSEWHERE, condition("c", f"{BASE}/Patient/ours")),
            at(BASE, provenance("others", "Condition/c")),
            at(ELSEWHERE, provenance("ours", "Condition/c")),
            at("https://third.example/fhir", provenance("nobodys", "Condition/c")),
            at(BASE, provenance("both", "Condition/c", f"{ELSEWHERE}/Condition/c")),
            at(BASE, {"resourceType": "Practitioner", "id": "p", "target": [{"reference": "Condition/c"}]}),
        )
    )
    assert kinds(reply) == ["Condition/c", "Provenance/ours", "Provenance/nobodys", "Provenance/both", "Practitioner/p"]
    assert [aside.detail for aside in reply.quarantined] == ["subject", "target"]


# What the readers of both kinds share

INFORMATION = {"severity": "information", "code": "informational"}


@pytest.mark.parametrize(
    ("issue", "notice"),
    [
        ({}, Notice(code=NoticeCode.RESOURCE_WARNING)),
        ({"code": "not-found"}, Notice(code=NoticeCode.RESOURCE_WARNING)),
        ({"code": "not-supported"}, Notice(code=NoticeCode.NOT_SUPPORTED)),
        ({"diagnostics": "a", "details": {"text": "b"}}, Notice(code=NoticeCode.RESOURCE_WARNING, text="a")),
        ({"diagnostics": "", "details": {"text": "b"}}, Notice(code=NoticeCode.RESOURCE_WARNING, text="b")),
        ({"diagnostics": 7, "details": "b"}, Notice(code=NoticeCode.RESOURCE_WARNING)),
        ({**INFORMATION, "diagnostics": "12 ms"}, Notice(code=NoticeCode.REMARK, text="12 ms")),
        (INFORMATION, Notice(code=NoticeCode.RESOURCE_WARNING)),
        ({**INFORMATION, "code": "suppressed"}, Notice(code=NoticeCode.RESOURCE_WARNING)),
        ({**INFORMATION, "code": "not-supported"}, Notice(code=NoticeCode.NOT_SUPPORTED)),
        ({"severity": "warning", "diagnostics": "x"}, Notice(code=NoticeCode.RESOURCE_WARNING, text="x")),
    ],
)
def test_an_issue_says_that_something_is_missing_or_not_given(issue: Json, notice: Notice) -> None:
    assert notice_of_issue(issue) == notice


def test_a_caller_may_know_more_of_an_issue() -> None:
    issue, about = {"code": "not-found", "diagnostics": "x"}, RecordCategory.PROBLEMS
    assert notice_of_issue(issue, category=about, unsupported=True) == Notice(
        code=NoticeCode.NOT_SUPPORTED, text="x", category=about
    )


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"<html>", Reason.NOT_FHIR),
        (b"[" * 2_000_001, Reason.TOO_LARGE),
        (b'{"entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Reason.TOO_DEEP),
    ],
)
def test_an_answer_that_cannot_be_split_says_why(payload: bytes, reason: Reason) -> None:
    with pytest.raises(Malformed) as caught:
        split_answer(payload=payload)
    assert caught.value.reason is reason


def test_a_bundle_is_expected() -> None:
    bundle = split_answer(payload=b'{"resourceType":"Bundle"}')
    assert expect_bundle(bundle) is bundle
    with pytest.raises(Malformed) as caught:
        expect_bundle(split_answer(payload=b'{"resourceType":"Patient"}'))
    assert caught.value.reason is Reason.NOT_FHIR
