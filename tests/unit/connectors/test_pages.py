"""What is read off the bodies that a hospital's server sends."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from connectors.contract.errors import Malformed, WrongPatient
from connectors.contract.notices import Ground
from connectors.contract.outcomes import Reason
from connectors.fhir_r4.pages import (
    UNREADABLE,
    FoundPatient,
    as_page,
    bearer,
    capability,
    found_by_id,
    grounds,
    holds,
    read_bodies,
    speaks_fhir,
    survey,
    wanted,
    without_held,
)
from connectors.transport.pace import finish
from fhir_data import splitting
from fhir_data.identifiers import NHS_NUMBER_SYSTEM
from fhir_data.labels import Label
from fhir_data.limits import MAX_VALUES
from fhir_data.splitting import SentBody, SplitPayload
from fhir_data.splitting import split as really_split

Json = dict[str, Any]

BASE = "https://hospital.example/fhir"
NUMBER = "9990001006"
RESTRICTED = Label(system="", code="R")


def page(*resources: Json | None, **members: Any) -> bytes:
    entries = [{} if resource is None else {"resource": resource} for resource in resources]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", **members, "entry": entries}).encode()


def patient(key: str, number: str = NUMBER, **members: Any) -> Json:
    identifier = {"system": NHS_NUMBER_SYSTEM, "value": number}
    return {"resourceType": "Patient", "id": key, "identifier": [identifier], **members}


def condition(key: str, *references: str) -> Json:
    notes = [{"authorReference": {"reference": reference}, "text": "x"} for reference in references]
    return {"resourceType": "Condition", "id": key, "subject": {"reference": "Patient/p"}, "note": notes}


def outcome(severity: str, **members: Any) -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}], **members}


def test_a_page_is_surveyed_without_its_entries() -> None:
    link = [{"relation": "next", "url": f"{BASE}?page=2"}]
    labelled = outcome("error", meta={"security": [{"code": "R"}]})
    sent = page(condition("1"), condition("2"), labelled, labelled, outcome("warning"), total=7, link=link)
    found = finish(steps=survey(bodies=[sent]))
    assert (found.resource_type, found.links, found.total) == ("Bundle", (("next", f"{BASE}?page=2"),), 7)
    assert (found.entries, found.counted, found.has_content) == (5, 2, True)
    assert found.warnings == ((RESTRICTED,),)


@pytest.mark.parametrize(
    ("resources", "counted", "has_content"),
    [
        ([], 0, False),
        ([outcome("information")], 1, False),
        ([patient("p"), {"resourceType": "Practitioner", "id": "d"}], 2, False),
        ([None, patient("p")], 1, True),
        ([None, condition("1"), patient("p")], 1, True),
        ([condition("1"), {"resourceType": "Procedure", "id": "1"}, patient("p")], 3, True),
    ],
)
def test_what_a_total_counts_is_one_type_or_everything(
    resources: list[Json | None], counted: int, has_content: bool
) -> None:
    found = finish(steps=survey(bodies=[page(*resources)]))
    assert (found.counted, found.has_content) == (counted, has_content)


@pytest.mark.parametrize(("severity", "is_warning"), [("fatal", True), ("error", True), ("warning", False)])
def test_an_error_beside_the_entries_is_told_with_what_labels_it_has(severity: str, is_warning: bool) -> None:
    labelled = page(outcome(severity), meta={"security": [{"code": "R"}]})
    assert finish(steps=survey(bodies=[labelled])).warnings == (((RESTRICTED,),) if is_warning else ())
    assert finish(steps=survey(bodies=[page(outcome(severity))])).warnings == (((),) if is_warning else ())


def test_an_outcome_that_cannot_be_read_is_no_error() -> None:
    broken = b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"OperationOutcome","issue":NaN}}]}'
    assert finish(steps=survey(bodies=[broken])).warnings == ()


def test_what_is_referred_to_and_not_held_is_wanted_once() -> None:
    referring = condition("1", "Practitioner/a", f"{BASE}/Organization/b", "Practitioner/a", "Practitioner/held")
    elsewhere = condition("2", "https://other.example/fhir/Practitioner/c", "Observation/1", "Practitioner/here")
    bodies = [page(referring), page(elsewhere, {"resourceType": "Practitioner", "id": "here"})]
    found = finish(steps=wanted(bodies=bodies, bases=[BASE], held=["Practitioner/held"], patient_id="p"))
    assert found == ("Practitioner/a", "Organization/b")
    left = finish(steps=without_held(bodies=bodies, names=["Practitioner/here", "Practitioner/a", "Practitioner/a"]))
    assert left == ("Practitioner/a",)


def test_what_an_entry_of_somebody_elses_refers_to_is_not_wanted() -> None:
    others = [
        {**condition("1", "Practitioner/a"), "subject": {"reference": "Patient/other/_history/2"}},
        {**condition("2", "Practitioner/b"), "subject": {"reference": f"{BASE}/Patient/other"}},
        patient("other", managingOrganization={"reference": "Organization/c"}),
    ]
    both = {**condition("3", "Practitioner/d"), "recorder": {"reference": "Patient/other"}}
    nobodys = {"resourceType": "PractitionerRole", "id": "r", "organization": {"reference": "Organization/e"}}
    bodies = [page(*others, both, nobodys, patient("p", managingOrganization={"reference": "Organization/f"}))]
    found = finish(steps=wanted(bodies=bodies, bases=[BASE], held=[], patient_id="p"))
    assert found == ("Practitioner/d", "Organization/e", "Organization/f")


def test_what_is_wanted_is_found_however_its_page_is_spelt() -> None:
    """A page is searched as a whole where no member is spelt by escapes, and where it names one Patient at most."""
    referring = {**condition("1", "Practitioner/a"), "subject": {"reference": "Patient/p"}}
    sent = page(referring, condition("2", "Organization/b"), patient("p"))
    escaped = sent.replace(b'"reference"', rb'"r\u0065ference"')
    assert escaped != sent
    for bodies in ([sent], [escaped], [sent.replace(b'"Patient/p"', rb'"Patient\u002fp"')]):
        found = finish(steps=wanted(bodies=bodies, bases=[BASE], held=[], patient_id="p"))
        assert found == ("Practitioner/a", "Organization/b")


def test_what_is_missing_rests_on_what_refers_to_it() -> None:
    bodies = [page(condition("1", "Practitioner/a", f"{BASE}/Practitioner/a")), page(condition("2", "Practitioner/a"))]
    found = finish(steps=grounds(bodies=bodies, names=["Practitioner/b", "Practitioner/a"], bases=[BASE]))
    assert found == (Ground(), Ground(any_of=("Condition/1", "Condition/2")))


def test_a_page_holds_what_goes_by_a_name_and_nothing_else() -> None:
    held = page(None, condition("1"))
    assert finish(steps=holds(bodies=[held], name="Condition/1"))
    assert not finish(steps=holds(bodies=[held], name="Condition/2"))
    assert not finish(steps=holds(bodies=[held], name=""))


def test_the_patient_of_an_id_is_told_from_another_and_from_no_patient() -> None:
    sent = as_page(resource=json.dumps(patient("p")).encode())
    assert finish(steps=found_by_id(bodies=[sent], patient_id="p", bases=[BASE])) == FoundPatient(id="p")
    with pytest.raises(WrongPatient) as wrong:
        finish(steps=found_by_id(bodies=[page(patient("other"))], patient_id="p", bases=[BASE]))
    assert wrong.value.disagrees == ("identifier",)
    for resource in (condition("p"), None, patient("../p")):
        with pytest.raises(Malformed) as caught:
            finish(steps=found_by_id(bodies=[page(resource)], patient_id="p", bases=[BASE]))
        assert caught.value.reason is Reason.NOT_FHIR


def found_bearer(*resources: Json | None) -> FoundPatient:
    bodies = [page(*resources)]
    return finish(steps=bearer(bodies=bodies, system=NHS_NUMBER_SYSTEM, value=NUMBER, bases=[BASE]))


def link(kind: str, to: str) -> Json:
    return {"type": kind, "other": {"reference": to}}


def test_the_bearer_of_a_number_is_the_one_patient_who_has_it() -> None:
    merged = patient("old", link=[link("replaced-by", "Patient/p")])
    linked = patient("p", link=[link("seealso", "Patient/q"), link("seealso", "RelatedPerson/r")])
    others = (patient("q", "9990001014"), outcome("warning"), None)
    assert found_bearer(merged, linked, *others) == FoundPatient(id="p", links_others=True, passed_over=(("", "old"),))
    assert found_bearer(linked, linked).id == "p"
    assert found_bearer(patient("p", link=[link("seealso", "RelatedPerson/r")])) == FoundPatient(id="p")
    assert found_bearer(outcome("warning")) == found_bearer() == FoundPatient(id="")
    assert found_bearer(patient("p", active=False)) == FoundPatient(id="p", is_in_use=False)


@pytest.mark.parametrize(
    ("other", "replaced_by"),
    [
        ("Patient/p", "p"),
        ("Patient/p/_history/2", "p"),
        (f"{BASE}/Patient/p", "p"),
        ("urn:uuid:2c6a3b1e-8f0e-4a6e-9d8e-2f6f6f0f1a11", "?"),
        ("Patient/../p", "?"),
        ("", "?"),
    ],
)
def test_who_has_been_replaced_is_who_took_their_place(other: str, replaced_by: str) -> None:
    merged = patient("old", link=[link("replaced-by", other)])
    assert found_bearer(merged) == FoundPatient(id="old", replaced_by=replaced_by)
    sent = as_page(resource=json.dumps(merged).encode())
    assert finish(steps=found_by_id(bodies=[sent], patient_id="old", bases=[BASE])).replaced_by == replaced_by


def test_of_several_who_have_been_replaced_by_one_it_is_that_one_and_by_several_nobody_knows() -> None:
    first, second = (patient(key, link=[link("replaced-by", "Patient/p")]) for key in ("old", "older"))
    assert found_bearer(first, second).replaced_by == "p"
    for unclear in (
        [first, patient("older", link=[link("replaced-by", "Patient/q")])],
        [patient("old", link=[link("replaced-by", "Patient/p"), link("replaced-by", "Patient/q")])],
    ):
        with pytest.raises(Malformed) as caught:
            found_bearer(*unclear)
        assert caught.value.reason is Reason.AMBIGUOUS


GOLDEN = [
    {"system": "http://hapifhir.io/fhir/NamingSystem/mdm-record-status", "code": "GOLDEN_RECORD"},
    {"system": "http://hapifhir.io/fhir/NamingSystem/mdm-record-status", "code": "REDIRECTED"},
    {"code": "5c827da5-4858-4f3d-a50c-62ece001efea"},
]


@pytest.mark.parametrize("tag", GOLDEN, ids=str)
def test_a_golden_record_is_passed_over_for_the_patient_it_was_made_of(tag: Json) -> None:
    golden = patient("gold", meta={"tag": [{"code": "x"}, tag]})
    assert found_bearer(golden, patient("p", link=[link("refer", "Patient/gold")])) == FoundPatient(id="p")
    assert found_bearer(golden) == FoundPatient(id="gold")
    with pytest.raises(Malformed) as caught:
        found_bearer(golden, patient("p"), patient("q"))
    assert caught.value.reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("own", [{"system": "urn:other", "value": NUMBER}, {"value": NUMBER}, {}])
def test_a_search_whose_results_do_not_bear_the_number_is_of_the_wrong_patient(own: Json) -> None:
    with pytest.raises(WrongPatient) as wrong:
        found_bearer(patient("p", identifier=[own]))
    assert wrong.value.disagrees == ("identifier",)


def test_several_bearers_are_ambiguous_and_one_without_an_id_is_not_the_patient() -> None:
    with pytest.raises(Malformed) as caught:
        found_bearer(patient("p"), patient("q"))
    assert caught.value.reason is Reason.AMBIGUOUS
    with pytest.raises(Malformed):
        found_bearer(patient("../Patient/q"))
    nameless = patient("p")
    del nameless["id"]
    with pytest.raises(WrongPatient):
        found_bearer(nameless)


def test_a_statement_that_cannot_be_read_is_no_fhir() -> None:
    stated = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
    assert finish(steps=capability(bodies=[b"\xef\xbb\xbf" + json.dumps(stated).encode()])) is not None
    with pytest.raises(Malformed) as caught:
        finish(steps=capability(bodies=[b'{"resourceType":"CapabilityStatement","fhirVersion":NaN}']))
    assert caught.value.reason is Reason.NOT_FHIR


@pytest.mark.parametrize(
    ("body", "speaks"),
    [
        (b'{"resourceType":"OperationOutcome"}', True),
        (b'\xef\xbb\xbf {"resourceType":"OperationOutcome","issue":', True),
        (b'<Patient xmlns="http://hl7.org/fhir"/>', True),
        (b"<html>" + b" " * 1_000 + b"http://hl7.org/fhir", True),
        (b"<html>" + b" " * 2_000 + b"http://hl7.org/fhir", False),
        (b'{"error":"x"}', False),
        (b'["resourceType"]', False),
        (b'"resourceType":"Patient"', False),
        (b"", False),
    ],
)
def test_a_server_of_fhir_is_known_by_any_body(body: bytes, speaks: bool) -> None:
    assert finish(steps=speaks_fhir(bodies=[body])) is speaks


def test_the_pages_of_an_answer_are_read_as_one() -> None:
    bodies = [
        page(patient("p"), condition("1")),
        page({**condition("2"), "subject": {"reference": f"{BASE}/Patient/p"}}),
    ]
    reply = finish(steps=read_bodies(bodies=bodies, patient_id="p", base=BASE))
    assert [json.loads(item.resource)["id"] for item in reply.items] == ["1", "2"]
    assert reply.quarantined == ()
    theirs = page(patient("p"), condition("1"), patient("q", "9990001014"))
    picked = finish(steps=read_bodies(bodies=[theirs], patient_id="q"))
    assert json.loads(picked.subject or b"")["id"] == "q"


def test_a_body_is_split_once_however_many_pieces_of_work_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    splits: list[bytes] = []

    def split(*, payload: bytes, values: int) -> SplitPayload:
        splits.append(payload)
        return really_split(payload=payload, values=values)

    monkeypatch.setattr(splitting, "split", split)
    body = SentBody(as_page(resource=json.dumps({"resourceType": "Patient", "id": "p1"}).encode()))
    assert finish(steps=survey(bodies=[body])).entries == 1
    assert finish(steps=wanted(bodies=[body], bases=[], held=[], patient_id="p1")) == ()
    assert finish(steps=read_bodies(bodies=[body], patient_id="p1")).subject is not None
    assert splits == [body]
    broken = SentBody(b"{")
    for _ in range(2):
        with pytest.raises(Malformed):
            finish(steps=survey(bodies=[broken]))


def test_a_body_goes_to_another_process_without_its_parts() -> None:
    body = SentBody(as_page(resource=b'{"resourceType":"Patient","id":"p1"}'))
    assert body.parts.entries
    sent = pickle.dumps(body)
    assert len(sent) < 2 * len(body)
    assert pickle.loads(sent) == body  # noqa: S301  our own


@pytest.mark.parametrize(
    "elsewhere", ["https://other.example/fhir/Patient/p", f"{BASE}2/Patient/p", "Person/p", "Group/p", "Patient/p/x"]
)
def test_an_id_on_another_server_or_of_another_type_is_nobodys_here(elsewhere: str) -> None:
    merged = patient("old", link=[link("replaced-by", elsewhere)])
    assert found_bearer(merged).replaced_by == UNREADABLE
    sent = as_page(resource=json.dumps(merged).encode())
    assert finish(steps=found_by_id(bodies=[sent], patient_id="old", bases=[BASE])).replaced_by == UNREADABLE


def test_a_link_by_the_address_that_the_server_gives_the_patient_is_to_one_of_its_own() -> None:
    inside = "http://inside.example:8080/fhir"
    merged = patient("old", link=[link("replaced-by", f"{inside}/Patient/p")])
    sent = json.dumps(
        {"resourceType": "Bundle", "entry": [{"fullUrl": f"{inside}/Patient/old", "resource": merged}]}
    ).encode()
    found = finish(steps=bearer(bodies=[sent], system=NHS_NUMBER_SYSTEM, value=NUMBER, bases=[BASE]))
    assert found.replaced_by == "p"


def test_one_id_on_two_servers_is_two_patients() -> None:
    entries = [
        {"fullUrl": f"https://{name}.example/fhir/Patient/1", "resource": patient("1", birthDate=born)}
        for name, born in (("a", "1951-05-04"), ("b", "1970-01-02"))
    ]
    sent = json.dumps({"resourceType": "Bundle", "entry": entries}).encode()
    with pytest.raises(Malformed) as caught:
        finish(steps=bearer(bodies=[sent], system=NHS_NUMBER_SYSTEM, value=NUMBER, bases=[BASE]))
    assert caught.value.reason is Reason.AMBIGUOUS


def test_bearers_are_looked_for_on_all_pages() -> None:
    def found(*bodies: bytes) -> FoundPatient:
        return finish(steps=bearer(bodies=bodies, system=NHS_NUMBER_SYSTEM, value=NUMBER, bases=[BASE]))

    assert found(page(), page(patient("p"))).id == "p"
    with pytest.raises(Malformed) as caught:
        found(page(patient("p")), page(patient("q")))
    assert caught.value.reason is Reason.AMBIGUOUS


@pytest.mark.parametrize("space", ["", " "])
def test_what_says_that_it_is_only_included_is_no_match(space: str) -> None:
    entries = [
        {"resource": condition("1"), "search": {"mode": "match"}},
        {"resource": {"resourceType": "Practitioner", "id": "d"}, "search": {"mode": "include", "score": 1}},
        {"resource": outcome("warning"), "search": {"mode": "outcome"}},
        {"resource": {"resourceType": "Condition"}},
        {"fullUrl": f"{BASE}/Condition/7"},
    ]
    sent = json.dumps({"resourceType": "Bundle", "entry": entries}, separators=(f",{space}", f":{space}")).encode()
    found = finish(steps=survey(bodies=[sent]))
    assert (found.matches, found.included) == (("Condition/1", "", ""), ("Practitioner/d", ""))


def test_a_statement_may_be_longer_than_an_entry_of_a_record() -> None:
    parameters = [{"name": name, "type": "token"} for name in ("patient", *(f"p{at}" for at in range(MAX_VALUES)))]
    held = [{"type": "Condition", "interaction": [{"code": "search-type"}], "searchParam": parameters}]
    stated = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"mode": "server", "resource": held}],
    }
    found = finish(steps=capability(bodies=[json.dumps(stated).encode()]))
    assert [declared.name for declared in found.types] == ["Condition"]


@pytest.mark.parametrize(
    "statement",
    [
        b'{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","fhirVersion":"5.0.0"}',
        b'{"resourceType":"CapabilityStatement","fhirVersion":NaN}',
        b'{"resourceType":"CapabilityStatement","rest":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_a_statement_that_cannot_be_read_is_none(statement: bytes) -> None:
    with pytest.raises(Malformed):
        finish(steps=capability(bodies=[statement]))


TO_NEW = {"reference": "Patient/new"}
REPLACED, UNCLEAR = FoundPatient(id="p", replaced_by="new"), FoundPatient(id="p", links_others=True)


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([{"other": TO_NEW, "type": "Replaced-By "}], REPLACED),
        ({"other": TO_NEW, "type": "replaced-by"}, REPLACED),
        ([{"other": {**TO_NEW, "display": 7}, "type": "replaced-by", "since": 1}], REPLACED),
        ([{"other": "Patient/new", "type": "replaced-by"}], FoundPatient(id="p", replaced_by=UNREADABLE)),
        ([{"other": TO_NEW, "type": ["replaced-by"]}], UNCLEAR),
        ([{"other": TO_NEW, "type": "merged-into"}], UNCLEAR),
        ([{"other": TO_NEW}], UNCLEAR),
        ("Patient/new", UNCLEAR),
        ([{"other": TO_NEW, "type": "replaces", "since": 1}], FoundPatient(id="p", replaces_others=True)),
        ([{"other": {"reference": "RelatedPerson/new"}, "type": "Refer"}], FoundPatient(id="p")),
        ([], FoundPatient(id="p")),
    ],
    ids=str,
)
def test_a_flaw_in_a_link_does_not_hide_that_somebody_was_replaced(links: object, expected: FoundPatient) -> None:
    linked = patient("p", link=links)
    assert found_bearer(linked) == expected
    sent = as_page(resource=json.dumps(linked).encode())
    assert finish(steps=found_by_id(bodies=[sent], patient_id="p", bases=[BASE])) == expected


@pytest.mark.parametrize(
    ("said", "expected"), [("replaced-by", REPLACED), ("merged-into", UNCLEAR)], ids=["clear", "unclear"]
)
def test_a_link_is_read_of_a_patient_who_cannot_be_read_whole(said: str, expected: FoundPatient) -> None:
    sent = as_page(resource=json.dumps(patient("p", link=[link(said, "Patient/new")])).encode())
    broken = sent.replace(b'"link": ', b'"maritalStatus": {"text": NaN}, "link": ')
    assert broken != sent
    assert finish(steps=found_by_id(bodies=[broken], patient_id="p", bases=[BASE])) == expected
    unreadable = sent.replace(b'"link": ', b'"link": NaN, "x": ')
    assert finish(steps=found_by_id(bodies=[unreadable], patient_id="p", bases=[BASE])) == UNCLEAR


@pytest.mark.parametrize("own", ["HTTPS://Hospital.example/fhir", "https://hospital.example:443/fhir"])
def test_another_spelling_of_the_servers_own_address_is_its_own(own: str) -> None:
    merged = patient("old", link=[link("replaced-by", f"{own.lower()}/Patient/p")])
    sent = as_page(resource=json.dumps(merged).encode())
    assert finish(steps=found_by_id(bodies=[sent], patient_id="old", bases=[own])).replaced_by == "p"
    assert finish(steps=found_by_id(bodies=[sent], patient_id="old", bases=[BASE])).replaced_by == "p"
