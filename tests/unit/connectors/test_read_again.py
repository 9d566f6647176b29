"""What a connector of another distribution gave is judged, asked whose it is, and labelled before it is used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Malformed
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.values import CheckedSource, QuarantinedEntry, ReceivedItem, Reply
from connectors.read_again import NotAsPromised, packed, read_again, unpacked
from connectors.transport.pace import finish
from fhir_data.errors import EntryFault
from fhir_data.labels import Label
from tests.factories import allergy
from tests.one_hospital import JOAN

BASE = "https://ward.example/api"
SECRET = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}
LABEL = Label(system=SECRET["system"], code=SECRET["code"])


def resource(*, of: str = "Patient/1", **members: Any) -> bytes:
    return json.dumps({**allergy(id="a1", patient={"reference": of}), **members}).encode()


def item(**members: Any) -> ReceivedItem:
    return ReceivedItem(**{"category": RecordCategory.ALLERGIES, "resource": resource(), **members})


def again(*items: ReceivedItem, **members: Any) -> Reply:
    reply = Reply(**{"subject": json.dumps(JOAN).encode(), "items": items, **members})
    return finish(steps=read_again(bodies=(packed(reply, kind=Reply),), base_url=BASE))


def test_a_sound_item_stays_as_it_was_given() -> None:
    given = item(subject_references=("Patient/1",), notes=("a note",), incidental=True, full_url=f"{BASE}/a")
    assert again(given).items == (given,)


def test_what_was_left_out_of_an_item_is_found() -> None:
    given = [item(), item(resource=resource(of=f"{BASE}/Patient/1")), item(resource=resource(recordedDate="soon"))]
    ours, by_address, flawed = again(*given).items
    assert ours.subject_references == ("Patient/1",)
    assert by_address.subject_references == (f"{BASE}/Patient/1",)
    assert flawed.at_fault == ("recordedDate",)
    assert flawed.flaws
    assert flawed.resource == given[2].resource


def test_one_that_names_nobody_is_marked_so() -> None:
    body = json.loads(resource())
    del body["patient"]
    (given,) = again(item(resource=json.dumps(body).encode())).items
    assert given.names_no_patient


def test_labels_are_those_of_what_is_given_of_what_was_sent_and_of_what_was_set_aside() -> None:
    labelled = resource(meta={"security": [SECRET]})
    reply = again(
        item(resource=labelled),
        item(original=labelled),
        quarantined=(QuarantinedEntry(reason=EntryFault.INVALID, detail="", original=labelled),),
    )
    assert [each.labels for each in (*reply.items, *reply.quarantined)] == [(LABEL,)] * 3


def test_what_is_somebody_else_s_is_set_aside_with_the_bytes_that_were_sent() -> None:
    reply = again(item(), item(resource=resource(of="Patient/2"), original=b"a line of theirs"))
    (entry,) = reply.quarantined
    assert (entry.reason, entry.original) == (EntryFault.OTHER_PATIENT, b"a line of theirs")
    assert len(reply.items) == 1


def test_what_is_no_fhir_is_set_aside_and_costs_no_other() -> None:
    reply = again(item(), item(resource=b"\xff no"), item(resource=b"[]"))
    assert [entry.original for entry in reply.quarantined] == [b"\xff no", b"[]"]
    assert len(reply.items) == 1


def test_what_was_translated_to_no_fhir_is_set_aside_as_it_was_sent() -> None:
    (entry,) = again(item(resource=b"{}", original=b"a line")).quarantined
    assert entry.original == b"a line"


def test_what_is_not_translated_is_kept_as_it_was_given() -> None:
    given = item(resource=b"\xff no", translated=False)
    assert again(given).items == (given,)


def test_what_is_clinical_by_its_type_is_not_left_out_by_its_category() -> None:
    filed = [RecordCategory.BILLING, RecordCategory.SUPPORTING, RecordCategory.MEDICATIONS]
    given = again(*(item(category=category) for category in filed)).items
    assert [each.category for each in given] == ["allergies", "allergies", "medications"]


def test_of_a_subject_that_is_not_sound_what_cannot_be_read_is_left_out_and_said() -> None:
    subject = json.dumps({**JOAN, "birthDate": 7}).encode()
    reply = again(subject=subject)
    assert b"birthDate" not in (reply.subject or b"")
    assert reply.subject_original == subject
    assert [notice.code for notice in reply.notices] == [NoticeCode.RESOURCE_WARNING]


@pytest.mark.parametrize("subject", [None, b"", b"\xff", b"[]", b"{}", b'{"resourceType":"Person"}'])
def test_one_whose_subject_is_no_patient_says_not_whose_it_is(subject: bytes | None) -> None:
    with pytest.raises(Malformed, match="no-patient"):
        again(subject=subject)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(subject="Joan"),  # type: ignore[arg-type]
        Reply(subject=b"{}", items=({},)),  # type: ignore[arg-type]
        Reply(subject=b"{}", notices=(Notice(code="odd"),)),  # type: ignore[arg-type]
        Reply(subject=b"{}", notices=(Notice(code=NoticeCode.REMARK, text="\ud800"),)),
        Reply(subject=b"{}", items=(item(category=object()),)),
        {"subject": b"{}"},
        None,
    ],
)
def test_what_is_not_of_the_types_of_the_contract_is_not_as_promised(reply: Any) -> None:
    with pytest.raises(NotAsPromised, match="Reply"):
        unpacked(packed(reply, kind=Reply), kind=Reply)


def test_every_value_of_the_contract_comes_back_as_it_was() -> None:
    found = CheckedSource(words="a ward", holds=frozenset({RecordCategory.ALLERGIES}))
    assert unpacked(packed(found, kind=CheckedSource), kind=CheckedSource) == found
