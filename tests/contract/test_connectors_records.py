"""Real payloads: nothing that a source sent is lost, and what is made of it is FHIR R4."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.bundle import as_bundle, report_lines
from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed, Refused, Unreachable
from connectors.contract.values import Reply
from connectors.promises.serving import serving
from fhir_data.flaws import Flaw, FlawReason
from fhir_data.heads import type_of
from fhir_data.parsing import read_entry
from fhir_data.releases import Release
from fhir_data.verdict import ValidEntry, judge
from tests.contract.loopback import CONNECTORS, ask, run
from tests.contract.real_payloads import FOLDER, GP_RECORDS, NO_RECORDS, R4_RECORDS, names, needs_payloads, payloads

pytestmark = needs_payloads

ALL_RECORDS = [("gp_connect", path) for path in GP_RECORDS] + [("fhir_r4", path) for path in R4_RECORDS]


@cache
def convert(kind: str, path: Path) -> Reply:
    return CONNECTORS[kind].convert(payload=path.read_bytes())


def exact(payload: bytes) -> Any:
    """Parse with the numbers as text, so that 7.10 and 7.1 differ."""
    return json.loads(payload.decode("utf-8-sig"), parse_float=str, parse_int=str)


def numbers(value: Any) -> Counter[str]:
    """Count the numbers in a parsed resource, as written."""
    found: Counter[str] = Counter()
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, (Decimal, int)) and not isinstance(node, bool):
            found[str(node)] += 1
    return found


@pytest.mark.parametrize(
    ("kind", "path"), ALL_RECORDS, ids=lambda value: names(value) if isinstance(value, Path) else value
)
def test_every_entry_is_in_exactly_one_place_with_its_bytes(kind: str, path: Path) -> None:
    payload = path.read_bytes()
    sent = exact(payload)
    entries = [entry["resource"] for entry in sent["entry"]] if sent["resourceType"] == "Bundle" else [sent]
    reply = convert(kind, path)
    kept = [item.original or item.resource for item in reply.items] + [one.original for one in reply.quarantined]
    if reply.subject:
        kept.append(reply.subject_original or reply.subject)
    outcomes = [entry for entry in entries if entry["resourceType"] == "OperationOutcome"]
    contained = [
        one
        for entry in entries
        if entry["resourceType"] == "List" and kind == "gp_connect"
        for one in entry.get("contained", [])
    ]
    expected = Counter(json.dumps(entry) for entry in [*entries, *contained] if entry not in outcomes)
    assert Counter(json.dumps(exact(one)) for one in kept) == expected
    assert all(one in payload for one in kept)


@pytest.mark.parametrize("path", GP_RECORDS, ids=names)
def test_every_translated_resource_is_r4(path: Path) -> None:
    reply = convert("gp_connect", path)
    refused = []
    for item in reply.items:
        if item.translated:
            verdict = judge(resource=read_entry(entry=item.resource), release=Release.R4)
            # A date that is none is none in R4 either, and is marked.
            refused += [] if isinstance(verdict, ValidEntry) or item.flaws else [verdict]
    assert refused == []


@pytest.mark.parametrize("path", GP_RECORDS, ids=names)
def test_a_translation_keeps_every_coding_identifier_and_number(path: Path) -> None:
    for item in convert("gp_connect", path).items:
        if not item.translated or item.original is None:
            continue
        sent, made = read_entry(entry=item.original), read_entry(entry=item.resource)
        if sent["resourceType"] == "List":
            continue  # what it contained is an item of its own
        assert made.get("identifier") == sent.get("identifier")
        for name in ("code", "vaccineCode", "medicationReference", "valueQuantity", "component", "site"):
            if isinstance(sent.get(name), dict) and "coding" in sent[name]:
                assert [code["code"] for code in made[name]["coding"]] == [
                    code["code"].strip() for code in sent[name]["coding"]
                ]
        assert numbers(made) == numbers(sent)


@pytest.mark.parametrize(
    ("kind", "path"), ALL_RECORDS, ids=lambda value: names(value) if isinstance(value, Path) else value
)
def test_the_bundle_holds_what_was_kept_and_its_references_resolve(kind: str, path: Path) -> None:
    reply = convert(kind, path)
    made = json.loads(as_bundle(reply=reply))
    entries = made.get("entry", [])
    assert len(entries) == (reply.subject is not None) + sum(item.translated for item in reply.items)
    urls = [entry["fullUrl"] for entry in entries]
    assert len(set(urls)) == len(urls)
    local = {f"{entry['resource']['resourceType']}/{entry['resource'].get('id')}" for entry in entries}
    text = as_bundle(reply=reply).decode()
    dangling = [name for name in local if f'"reference":"{name}"' in text]
    assert dangling == []
    assert report_lines(reply=reply)


def test_one_malformed_date_costs_the_date_and_no_entry() -> None:
    assert FOLDER is not None
    files = FOLDER / "gpconnect_stu3/wiremock/__files"
    good = convert("gp_connect", files / "correctPatientStructuredRecordResponseNormal.json")
    bad = convert("gp_connect", files / "malformedDateStructuredRecord.json")
    # Of both, one document names another Patient than the answer's.
    assert [(one.reason, one.category) for one in good.quarantined] == [("other-patient", RecordCategory.DOCUMENTS)]
    assert len(bad.quarantined) == len(good.quarantined)
    (flawed,) = [item for item in bad.items if item.flaws and item.category is RecordCategory.ALLERGIES]
    assert flawed.flaws == (Flaw(path="onsetDateTime", reason=FlawReason.NOT_A_DATE),)
    assert len(bad.items) == len(good.items)


# Whole folders, so that nothing set aside without a reason goes unseen: (reason, type, field) and how many.
SET_ASIDE = {
    "gpconnect_stu3": {("other-patient", "DocumentReference", "subject"): 2},
    "nhs_r4": {("other-patient", "Flag", "subject"): 1},
}
SHOWN_WITH_A_MARK = {
    "gpconnect_stu3": {
        ("code.coding.code", FlawReason.NOT_A_CODE): 2,
        ("description", FlawReason.EMPTY): 2,
        ("effectiveDateTime", FlawReason.NOT_A_DATE): 6,
        ("id", FlawReason.NOT_AN_ID): 6,
        ("item.linkId", FlawReason.MISSING): 11,
        ("onsetDateTime", FlawReason.NOT_A_DATE): 1,
        ("period.end", FlawReason.NOT_A_DATE): 2,
    },
    "nhs_r4": {
        ("meta.lastUpdated", FlawReason.NOT_A_DATE): 4,
        ("subject", FlawReason.MISSING): 21,
        ("title", FlawReason.MISSING): 7,
    },
}


@pytest.mark.parametrize("folder", ["gpconnect_stu3", "nhs_r4", "ips", "synthea_r4"])
def test_only_what_is_somebody_elses_is_set_aside(folder: str) -> None:
    assert FOLDER is not None
    replies = [convert(kind, path) for kind, path in ALL_RECORDS if path.relative_to(FOLDER).parts[0] == folder]
    assert replies
    aside = Counter(
        (str(entry.reason), type_of(entry=entry.original), entry.detail)
        for reply in replies
        for entry in reply.quarantined
    )
    assert aside == SET_ASIDE.get(folder, {})
    flaws = Counter((flaw.path, flaw.reason) for reply in replies for item in reply.items for flaw in item.flaws)
    assert flaws == SHOWN_WITH_A_MARK.get(folder, {})


@pytest.mark.parametrize(
    "name", ["correctPatientStructuredRecordResponseNormal", "correctAllergiesContainedResourceResponse"]
)
def test_resolved_allergies_are_lifted_out_and_never_look_active(name: str) -> None:
    assert FOLDER is not None
    reply = convert("gp_connect", FOLDER / f"gpconnect_stu3/wiremock/__files/{name}.json")
    ended = [
        json.loads(item.resource)
        for item in reply.items
        if item.original and b"AllergyIntoleranceEnd-1" in item.original and b'"List"' not in item.original
    ]
    assert ended
    assert {one["clinicalStatus"]["coding"][0]["code"] for one in ended} == {"resolved"}
    arranged = [json.loads(item.resource) for item in reply.items if b"Ended allergies" in item.resource]
    pointed = {entry["item"]["reference"] for one in arranged for entry in one.get("entry", [])}
    assert pointed <= {f"AllergyIntolerance/{one['id']}" for one in ended}
    assert pointed
    assert not any("contained" in one for one in arranged)


def test_items_of_secondary_lists_only_are_incidental() -> None:
    assert FOLDER is not None
    path = FOLDER / "gpconnect_stu3/wiremock/__files/correctPatientStructuredRecordResponseNormal.json"
    reply = convert("gp_connect", path)
    incidental = Counter(json.loads(item.resource)["resourceType"] for item in reply.items if item.incidental)
    answering = Counter(
        json.loads(item.resource)["resourceType"]
        for item in reply.items
        if not item.incidental and item.category is not RecordCategory.SUPPORTING
    )
    # The primary Lists name 5 medicines and 4 problems; the secondary ones 5 and 6 more. A consultation's plan names
    # the prescriptions of the latter too, and that does not make them an answer to "which medicines".
    assert (incidental["MedicationStatement"], incidental["Condition"]) == (5, 6)
    assert (answering["MedicationStatement"], answering["Condition"]) == (5, 4)
    assert incidental["MedicationRequest"] == 10


def test_a_transfer_that_is_not_finished_is_said_for_every_area_with_its_date() -> None:
    (path,) = payloads("gpconnect_stu3/9465698490_Daniels_full_20210602.json")
    notices = convert("gp_connect", path).notices
    assert {notice.code for notice in notices} == {"data-in-transit"}
    assert len({notice.category for notice in notices}) == 9
    assert all("26-Feb-2010" in notice.text for notice in notices)


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("operationOutcomePatientNotFound", Refused, "not-released"),
        ("operationOutcomeNoRelationship", Refused, "relationship"),
        ("operationOutcomeInvalidNHSNumber", Malformed, "number-rejected"),
        ("operationOutcomeInternalServerError", Unreachable, "status"),
        ("malformedStructuredRecordMissingPatientResource", Malformed, "no-patient"),
        ("correctPatientDocumentResponse", Malformed, "not-fhir"),
    ],
)
def test_what_is_no_record_is_named(name: str, error: type[Exception], reason: str) -> None:
    assert FOLDER is not None
    with pytest.raises(error) as caught:
        convert("gp_connect", FOLDER / f"gpconnect_stu3/wiremock/__files/{name}.json")
    assert getattr(caught.value, "reason", "") == reason


@pytest.mark.parametrize("path", NO_RECORDS, ids=names)
def test_a_file_that_holds_no_patient_is_refused_by_name(path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        convert("fhir_r4", path)
    assert caught.value.reason in {"no-patient", "not-fhir"}


@pytest.mark.parametrize("path", GP_RECORDS[:6], ids=names)
def test_the_wire_gives_what_the_file_gives(path: Path) -> None:

    async def handler(request: web.Request) -> web.Response:
        response = web.Response(body=path.read_bytes(), content_type="application/fhir+json")
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async def work() -> Reply:
        async with serving(handler) as base:
            return await ask(kind="gp_connect", base=base, seconds=20)

    fetched, converted = run(work()), convert("gp_connect", path)
    assert (fetched.subject, fetched.items, fetched.quarantined) == (
        converted.subject,
        converted.items,
        converted.quarantined,
    )
