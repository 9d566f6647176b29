"""A Reply as a Bundle and its report."""

from __future__ import annotations

import json
from typing import Any

from msgspec import structs

from connectors.bundle import as_bundle, as_converted, report_lines
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.values import QuarantinedEntry, ReceivedItem, Reply
from fhir_data.errors import EntryFault
from fhir_data.flaws import Flaw, FlawReason
from fhir_data.labels import UNREADABLE, Label, labels_in


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
    translated = structs.replace(
        item(resourceType="AllergyIntolerance", id="1", patient={"reference": "Patient/2"}),
        category=RecordCategory.ALLERGIES,
        original=b'{"resourceType":"AllergyIntolerance","id":"1","assertedDate":"x"}',
        flaws=flaws,
        at_fault=("assertedDate",),
    )
    (entry,) = entries(Reply(subject=None, items=(translated,)))
    sent = structs.replace(
        translated, resource=json.dumps(entry["resource"]).encode(), original=None, flaws=(), at_fault=()
    )
    (read,) = as_converted(reply=Reply(subject=None, items=(sent,))).items
    assert (read.flaws, read.at_fault) == (flaws, ("assertedDate",))


def test_the_report_counts_flaws_by_field() -> None:
    flawed = structs.replace(
        item(resourceType="Observation"), flaws=(Flaw(path="effectiveDateTime", reason=FlawReason.NOT_A_DATE),)
    )
    lines = report_lines(reply=Reply(subject=None, items=(flawed, flawed)))
    at = lines.index("Kept, though not as the standard says:")
    assert lines[at + 1] == "  2 x Observation: effectiveDateTime (not a date or time)"


def test_what_a_resource_does_not_say_is_in_its_tags_and_comes_back() -> None:
    """The section that a practice sent it in, that it was only linked, and what was at fault in what it came from."""
    own = {"system": "x", "code": "y"}
    sent = item(resourceType="Observation", id="1", meta={"versionId": "3", "tag": [own]})
    flaws = (Flaw(path="comment", reason=FlawReason.EMPTY),)
    marked = structs.replace(
        sent,
        category=RecordCategory.RESULTS,
        incidental=True,
        original=b"{}",
        flaws=flaws,
        at_fault=("comment",),
    )
    (entry,) = entries(Reply(subject=None, items=(marked,)))
    assert entry["resource"]["meta"] == {
        "versionId": "3",
        "tag": [
            own,
            {"system": "urn:longview:section", "code": "results"},
            {"system": "urn:longview:section", "code": "linked-item"},
            {"system": "urn:longview:flaw", "code": "empty", "display": "comment"},
            {"system": "urn:longview:member-at-fault", "code": "comment"},
        ],
    }
    read = structs.replace(sent, resource=json.dumps(entry["resource"]).encode())
    (converted,) = as_converted(reply=Reply(subject=None, items=(read,))).items
    assert converted == structs.replace(
        read, category=RecordCategory.RESULTS, incidental=True, flaws=flaws, at_fault=("comment",)
    )


def test_what_says_all_itself_has_no_tag_and_comes_back_as_it_is() -> None:
    sent = item(resourceType="Observation", id="1", meta={"tag": [{"system": "x", "code": "results"}]})
    (entry,) = entries(Reply(subject=None, items=(sent,)))
    assert entry["resource"] == json.loads(sent.resource)
    unknown = item(
        resourceType="Observation",
        meta={"tag": [{"system": "urn:longview:section", "code": "new"}, {"system": "urn:longview:flaw", "code": "x"}]},
    )
    linked = structs.replace(sent, incidental=True)
    assert as_converted(reply=Reply(subject=None, items=(sent, unknown, linked))).items == (sent, unknown, linked)
    flawed = structs.replace(sent, flaws=(Flaw(path="x", reason=FlawReason.EMPTY),), at_fault=("x",))
    (entry,) = entries(Reply(subject=None, items=(flawed,)))
    assert entry["resource"] == json.loads(sent.resource)  # it holds them itself


def test_an_address_is_kept_where_it_is_one_and_leads_from_its_own_server() -> None:
    here, there = "https://a.example/fhir", "https://b.example/fhir"

    def at(url: str, **members: Any) -> ReceivedItem:
        return structs.replace(item(**members), full_url=url)

    sent = (
        at(f"{here}/Medication/1", resourceType="Medication", id="1"),
        at(f"{there}/Medication/1", resourceType="Medication", id="1"),
        at(f"{there}/Observation/1", resourceType="Observation", id="1", focus=[{"reference": "Medication/1"}]),
        at("Patient/9", resourceType="Practitioner", id="2"),
        at("", resourceType="Basic", id="Observation"),
        at("", resourceType="Basic", subject={"reference": "Patient/9"}, id="0B0E8A3A-4B7E-4C51-9D2B-6F0C1F2D3E4F"),
    )
    found = entries(Reply(subject=None, items=sent))
    urls = [entry["fullUrl"] for entry in found]
    assert urls[:3] == [kept.full_url for kept in sent[:3]]
    assert all(url.startswith("urn:uuid:") for url in urls[3:])
    assert all(url == url.lower() for url in urls[3:])
    assert len(set(urls)) == len(urls)
    assert found[2]["resource"]["focus"] == [{"reference": f"{there}/Medication/1"}]
    assert found[5]["resource"]["subject"] == {"reference": urls[3]}


def test_entries_of_one_address_are_told_apart_by_what_they_hold() -> None:
    url = "https://a.example/fhir/Observation/1"
    first, second, third = (
        structs.replace(item(resourceType="Observation", id="1", status=status), full_url=url)
        for status in ("final", "amended", "preliminary")
    )
    urls = [entry["fullUrl"] for entry in entries(Reply(subject=None, items=(first, second, third)))]
    assert urls[0] == url
    assert len(set(urls)) == 3
    again = [entry["fullUrl"] for entry in entries(Reply(subject=None, items=(first, third, second)))]
    assert again == [urls[0], urls[2], urls[1]]


def test_the_report_of_nothing_says_so() -> None:
    aside = QuarantinedEntry(reason=EntryFault.TOO_LARGE, detail="", original=b"[]")
    reply = Reply(subject=b"{}", quarantined=(aside,), notices=(Notice(code=NoticeCode.INFORMATION_NOT_AVAILABLE),))
    assert report_lines(reply=reply) == (
        "In the Bundle: one Patient and 0 items.",
        "Not translated yet, not in the Bundle: 0.",
        "Linked by the source but no answer to the question asked: 0.",
        "Set aside, not in the Bundle:",
        "  1 x of no known type: too-large",
        "Not carried, or carried otherwise than sent: nothing.",
        "Said by the source of its own answer:",
        "  information-not-available (whole answer)",
    )


def test_an_address_that_is_made_up_does_not_depend_on_the_other_entries() -> None:
    sent = (
        item(resourceType="Observation", id="1"),
        item(resourceType="Condition", id="1"),
        item(resourceType="Observation", status="final"),
        item(resourceType="Observation", status="amended"),
        item(resourceType="Condition"),
    )
    together = [entry["fullUrl"] for entry in entries(Reply(subject=None, items=sent))]
    alone = [entry["fullUrl"] for each in sent for entry in entries(Reply(subject=None, items=(each,)))]
    reversed_order = [entry["fullUrl"] for entry in entries(Reply(subject=None, items=sent[::-1]))]
    assert together == alone == reversed_order[::-1]


def test_a_label_around_a_resource_is_written_into_it_and_one_that_it_has_is_not_written_twice() -> None:
    confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
    restricted = Label(system="http://hl7.org/fhir/v3/Confidentiality", code="R")
    coding = {"system": restricted.system, "code": "R"}
    sensitive = Label(system="", code="PSY")
    labelled = {"versionId": "1", "security": [{"system": confidentiality, "code": "R"}]}
    sent = (
        structs.replace(item(resourceType="Observation", id="1"), labels=(restricted, sensitive)),
        structs.replace(item(resourceType="Observation", id="2", meta=labelled), labels=(restricted,)),
        structs.replace(item(resourceType="Observation", id="3"), labels=(UNREADABLE,)),
        item(resourceType="Observation", id="4"),
    )
    reply = Reply(subject=b'{"resourceType":"Patient","id":"p"}', subject_labels=(restricted,), items=sent)
    metas = [entry["resource"].get("meta") for entry in entries(reply)]
    unreadable = {"display": "A label that cannot be read"}
    assert metas == [
        {"security": [coding]},
        {"security": [coding, {"code": "PSY"}]},
        labelled,
        {"security": [unreadable]},
        None,
    ]
    assert labels_in({"meta": {"security": [unreadable]}}) == (UNREADABLE,)
