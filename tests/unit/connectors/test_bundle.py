"""A Reply as a Bundle and its report."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from connectors.bundle import as_bundle, as_converted, report_lines
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from fhir_data.errors import EntryFault
from fhir_data.flaws import Flaw, FlawReason


def item(**members: Any) -> ReceivedItem:
    return ReceivedItem(category=RecordCategory.OBSERVATIONS, resource=json.dumps(members).encode())


def entries(reply: Reply) -> list[Any]:
    made = json.loads(as_bundle(reply=reply))
    assert (made["resourceType"], made["type"]) == ("Bundle", "collection")
    found: list[Any] = made.get("entry", [])
    return found


def test_references_name_entries_and_those_that_lead_out_stay() -> None:
    patient = b'{"resourceType":"Patient","id":"2"}'
    sent = item(
        resourceType="Observation",
        id="1",
        subject={"reference": "Patient/2"},
        performer=[{"reference": "Practitioner/elsewhere"}, {"reference": "http://x/fhir/Patient/2/_history/1"}],
        device={"reference": "#within"},
    )
    subject, observation = entries(Reply(subject=patient, items=(sent,)))
    assert observation["resource"]["subject"]["reference"] == subject["fullUrl"]
    assert [one["reference"] for one in observation["resource"]["performer"]] == [
        "Practitioner/elsewhere",
        subject["fullUrl"],
    ]
    assert observation["resource"]["device"] == {"reference": "#within"}


def test_an_address_is_the_same_each_time_and_different_for_each_entry() -> None:
    twice = item(resourceType="Observation", id="1")
    nameless = item(resourceType="List", title="a"), item(resourceType="List", title="b")
    reply = Reply(subject=None, items=(twice, twice, twice, *nameless))
    urls = [entry["fullUrl"] for entry in entries(reply)]
    assert len(set(urls)) == 5
    assert urls == [entry["fullUrl"] for entry in entries(reply)]


def test_an_id_that_is_a_uuid_is_the_address() -> None:
    key = "0b0e8a3a-4b7e-4c51-9d2b-6f0c1f2d3e4f"
    other = item(resourceType="Observation", id="1", hasMember=[{"reference": f"urn:uuid:{key}"}])
    found = entries(Reply(subject=None, items=(item(resourceType="Observation", id=key), other)))
    assert found[0]["fullUrl"] == found[1]["resource"]["hasMember"][0]["reference"] == f"urn:uuid:{key}"


def test_numbers_stay_as_they_were_written() -> None:
    sent = ReceivedItem(
        category=RecordCategory.RESULTS, resource=b'{"resourceType":"Observation","valueQuantity":{"value":7.10}}'
    )
    assert b'"value":7.10}' in as_bundle(reply=Reply(subject=None, items=(sent,)))


def test_an_empty_reply_is_a_bundle_without_entries() -> None:
    assert json.loads(as_bundle(reply=Reply(subject=None))) == {"resourceType": "Bundle", "type": "collection"}


def test_the_report_counts_what_is_not_in_the_bundle_and_shows_no_value() -> None:
    untranslated = ReceivedItem(
        category=RecordCategory.REFERRALS, resource=b'{"resourceType":"ReferralRequest"}', translated=False
    )
    noted = ReceivedItem(
        category=RecordCategory.OTHER, resource=b'{"resourceType":"Basic"}', notes=("Basic.x",), incidental=True
    )
    aside = QuarantinedEntry(
        reason=EntryFault.INVALID, detail="onsetDateTime", original=b'{"resourceType":"Flag","x":"Smith"}'
    )
    reply = Reply(
        subject=None,
        items=(untranslated, noted, noted),
        quarantined=(aside, aside),
        notices=(Notice(code=NoticeCode.DATA_IN_TRANSIT, text="before\n26-Feb", category=RecordCategory.ALLERGIES),),
    )
    assert report_lines(reply=reply) == (
        "In the Bundle: no Patient and 2 items (Basic 2).",
        "Not translated yet, not in the Bundle: 1 (ReferralRequest 1).",
        "Linked by the source but no answer to the question asked: 2.",
        "Set aside, not in the Bundle:",
        "  2 x Flag: invalid at onsetDateTime",
        "Not carried, or carried otherwise than sent:",
        "  2 x Basic.x",
        "Said by the source of its own answer:",
        "  data-in-transit (allergies): before\\u000a26-Feb",
    )


def test_flaws_of_a_translation_survive_its_bundle() -> None:
    flaws = (Flaw(path="assertedDate", reason=FlawReason.NOT_A_DATE),)
    translated = replace(
        item(resourceType="AllergyIntolerance", id="1", patient={"reference": "Patient/2"}),
        category=RecordCategory.ALLERGIES,
        original=b'{"resourceType":"AllergyIntolerance","id":"1","assertedDate":"x"}',
        flaws=flaws,
        at_fault=("assertedDate",),
    )
    (entry,) = entries(Reply(subject=None, items=(translated,)))
    sent = replace(translated, resource=json.dumps(entry["resource"]).encode(), original=None, flaws=(), at_fault=())
    (read,) = as_converted(reply=Reply(subject=None, items=(sent,))).items
    assert (read.flaws, read.at_fault) == (flaws, ("assertedDate",))


def test_the_report_counts_flaws_by_field() -> None:
    flawed = replace(
        item(resourceType="Observation"), flaws=(Flaw(path="effectiveDateTime", reason=FlawReason.NOT_A_DATE),)
    )
    lines = report_lines(reply=Reply(subject=None, items=(flawed, flawed)))
    at = lines.index("Kept, though not as the standard says:")
    assert lines[at + 1] == "  2 x Observation: effectiveDateTime (not a date or time)"
