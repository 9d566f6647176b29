"""What a process remembers of the entries that it has read."""

from __future__ import annotations

import json
from typing import Any

from connectors.contract.categories import RecordCategory
from connectors.fhir_r4.plain import PlainEntries
from connectors.reading import judge_entry
from fhir_data.releases import Release
from fhir_data.splitting import SplitEntry

SECURITY = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]


def condition(number: int = 0, **members: Any) -> bytes:
    made = {"resourceType": "Condition", "id": f"c{number}", "subject": {"reference": "Patient/1"}, **members}
    return json.dumps(made).encode()


def added(known: PlainEntries, entry: bytes) -> bytes:
    judged = judge_entry(entry=SplitEntry(resource=entry), release=Release.R4)
    known.add(judged=judged, category=RecordCategory.PROBLEMS)
    return entry


def test_of_an_entry_that_was_read_it_is_known_what_it_is_and_whose() -> None:
    known = PlainEntries()
    entry = added(known, condition(code={"text": "Asthma"}))
    found = known.find(entry=entry)
    assert found is not None
    assert (found.category, found.name) == (RecordCategory.PROBLEMS, "Condition/c0")
    assert found.head == {"resourceType": "Condition", "id": "c0", "subject": {"reference": "Patient/1"}}


def test_of_a_provenance_it_is_known_what_it_is_about() -> None:
    known, targets = PlainEntries(), [{"reference": "Condition/c0"}]
    made = {"resourceType": "Provenance", "target": targets, "recorded": "2024-05-01T10:00:00Z"}
    entry = added(known, json.dumps({**made, "agent": [{"who": {"display": "A nurse"}}]}).encode())
    found = known.find(entry=entry)
    assert found is not None
    assert found.head == {"resourceType": "Provenance", "target": targets}


def test_an_entry_that_differs_by_one_character_is_not_known() -> None:
    known = PlainEntries()
    added(known, condition(code={"text": "Asthma"}))
    assert known.find(entry=condition(code={"text": "asthma"})) is None
    assert known.find(entry=condition(code={"text": "Asthma"}) + b" ") is None


def test_what_is_not_sound_is_labelled_or_depends_on_others_is_not_remembered() -> None:
    known = PlainEntries()
    for entry in (
        condition(onsetDateTime="soon"),
        condition(unknown=1),
        condition(meta={"security": SECURITY}),
        b'{"resourceType":"Patient","id":"1"}',
        b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing"}]}',
        b'{"resourceType":"Nonsense","id":"1"}',
        b"[]",
    ):
        assert known.find(entry=added(known, entry)) is None


def test_a_name_is_empty_where_there_is_no_id() -> None:
    known = PlainEntries()
    entry = added(known, b'{"resourceType":"Condition","subject":{"reference":"Patient/1"}}')
    found = known.find(entry=entry)
    assert found is not None
    assert found.name == ""


def test_it_forgets_what_came_in_long_ago_and_was_not_asked_for_since() -> None:
    known = PlainEntries(generation=10)
    entries = [added(known, condition(number)) for number in range(10)]
    for number in range(10, 25):
        known.find(entry=entries[0])  # asked for again and again
        added(known, condition(number))
    assert known.find(entry=entries[0]) is not None
    assert [known.find(entry=entry) for entry in entries[1:]] == [None] * 9
    assert known.find(entry=condition(24)) is not None
    assert len(vars(known)["_new"]) + len(vars(known)["_old"]) <= 20


def test_one_that_may_hold_nothing_remembers_nothing() -> None:
    known = PlainEntries(generation=0)
    assert known.find(entry=added(known, condition())) is None


def test_what_is_kept_tells_nothing_to_who_does_not_know_the_key() -> None:
    entry = condition()
    first, second = PlainEntries(), PlainEntries()
    added(first, entry)
    added(second, entry)
    assert set(vars(first)["_new"]).isdisjoint(vars(second)["_new"])
    assert b"Condition" not in repr(vars(first)).encode()
