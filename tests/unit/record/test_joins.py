"""What an identifier joins, between servers and on one; and what is in doubt."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.timeline import Entry
from tests.factories import allergy, concept, condition, immunisation, item, observation, order, procedure, statement

PRESCRIPTION = [{"system": "https://practice.example/prescription", "value": "P-1"}]
MOMENT, NOON = "2024-05-01T09:00:00Z", "2024-05-01T12:00:00Z"
POTASSIUM = {"valueQuantity": {"value": 4.1, "unit": "mmol/L"}}
DEGRADED = [
    "196461000000101",
    "196421000000109",
    "196411000000103",
    "37331000000100",
    "TBD",
    "UNK",
    "NI",
    "unknown",
    "OTH",
]


def entries(*items: Item) -> list[Entry]:
    return [entry for section in merge(items=items).sections for entry in section.entries]


def sizes(*items: Item) -> list[int]:
    return sorted(len(entry.items) for entry in entries(*items))


def at(source: str, resource: dict[str, Any]) -> Item:
    return item(resource=resource, source=source)


def named(identifier: str = "P-1", system: str = "https://practice.example/prescription") -> list[dict[str, str]]:
    return [{"system": system, "value": identifier}]


# On one server


def test_three_medicines_of_one_prescription_are_three() -> None:
    drugs = [order(id=f"m{n}", code=f"32223600{n}", identifier=PRESCRIPTION) for n in range(3)]
    assert sizes(*(at("practice", drug) for drug in drugs)) == [1, 1, 1]
    worded = [drug | {"medicationCodeableConcept": {"text": f"Drug {n}"}} for n, drug in enumerate(drugs)]
    assert sizes(*(at("practice", drug) for drug in worded)) == [1, 1, 1]


@pytest.mark.parametrize("make", [condition, procedure, observation, immunisation])
def test_an_identifier_never_joins_two_ids_of_one_server(make: Any) -> None:
    worded = {"code": {"text": "Bill"}, "vaccineCode": {"text": "Bill"}}
    twenty = [make(id=f"c{n}", identifier=PRESCRIPTION) | worded for n in range(20)]
    assert sizes(*(at("practice", one) for one in twenty)) == [1] * 20


def test_no_other_server_joins_what_one_server_holds_apart() -> None:
    drugs = [order(id=f"m{n}", code=f"32223600{n}", authoredOn="2024-05-01", identifier=PRESCRIPTION) for n in range(3)]
    held = [at("practice", drug) for drug in drugs]
    bare = order(id="x", identifier=PRESCRIPTION) | {"medicationCodeableConcept": {"text": "Three drugs"}}
    assert sizes(*held, at("hospital", bare)) == [1, 1, 1, 1]
    # Which of the three is meant is said by concept and day.
    copy = at(
        "hospital",
        order(id="y", code="322236001", status="completed", authoredOn="2024-05-01", identifier=PRESCRIPTION),
    )
    assert sizes(*held, copy) == [1, 1, 2]


def test_a_copy_with_two_identifiers_joins_no_two_things_of_one_server() -> None:
    ours = [condition(id=f"c{n}", identifier=named(f"{n}")) | {"code": {"text": "Bill"}} for n in range(2)]
    theirs = condition(id="x", identifier=[*named("0"), *named("1")]) | {"code": {"text": "Bill"}}
    assert sizes(*(at("practice", one) for one in ours), at("hospital", theirs)) == [1, 1, 1]


def test_a_chain_of_identifiers_joins_no_two_things_of_one_server() -> None:
    def bill(source: str, *identifiers: str) -> Item:
        told = condition(id=identifiers[0], identifier=[one for name in identifiers for one in named(name)])
        return at(source, told | {"code": {"text": "Bill"}})

    chain = [bill("practice", "X"), bill("hospital", "X", "Y"), bill("community", "Y", "Z"), bill("practice", "Z")]
    assert sizes(*chain) == [1, 1, 1, 1]


def test_a_resource_that_is_sent_twice_is_one() -> None:
    told = condition(id="c") | {"code": {"text": "Asthma"}}
    assert sizes(at("practice", told), at("practice", told)) == [2]
    assert [entry.rule for entry in entries(at("practice", told), at("practice", told))] == ["same-resource"]
    assert sizes(at("practice", told), at("hospital", told)) == [1, 1]
    other = condition(id="c", code="38341003")
    assert sizes(at("practice", condition(id="c")), at("practice", other)) == [1, 1]


def test_an_authorisation_and_its_issues_are_still_one_at_one_server() -> None:
    plan = order(id="p", intent="plan", identifier=named("1"))
    issue = order(id="i", status="completed", basedOn=[{"reference": "MedicationRequest/p"}], identifier=named("2"))
    summary = statement(id="s", basedOn=[{"reference": "MedicationRequest/p"}])
    assert sizes(at("practice", plan), at("practice", issue), at("practice", summary)) == [3]


# Between servers


@pytest.mark.parametrize(
    ("ours", "theirs", "joined"),
    [
        ({"onsetDateTime": "2020-01-01"}, {"onsetDateTime": "2020-01-01"}, True),
        ({"onsetDateTime": "2020"}, {"onsetDateTime": "2020-01-01"}, True),
        ({}, {"onsetDateTime": "2020-01-01"}, True),
        ({"onsetDateTime": "2020-01-01"}, {"onsetDateTime": "2020-01-02"}, False),
        ({"code": {"text": "Asthma"}}, {}, True),
        ({"code": {"text": "Asthma"}}, {"code": {"text": "Wheeze"}}, True),
        ({"code": concept(code="38341003")}, {}, False),
    ],
)
def test_an_identifier_joins_where_neither_concept_nor_moment_differs(
    ours: dict[str, Any], theirs: dict[str, Any], joined: bool
) -> None:
    found = sizes(
        at("practice", condition(identifier=PRESCRIPTION) | ours),
        at("hospital", condition(identifier=PRESCRIPTION) | theirs),
    )
    assert found == ([2] if joined else [1, 1])


AMBULATORY, EMERGENCY = concept(code="185347001"), concept(code="4525004")


@pytest.mark.parametrize(
    ("said", "joined"),
    [
        ([(AMBULATORY, "2020-01-01"), (AMBULATORY, "2020-01-01"), (AMBULATORY, "2020-01-01")], True),
        ([(AMBULATORY, "2020"), (AMBULATORY, "2020-01-01"), (AMBULATORY, "2020-01")], True),
        ([(AMBULATORY, "2020-01-01"), (AMBULATORY, "2020"), (AMBULATORY, "2020-02-01")], False),
        ([(AMBULATORY, "2020-01-01"), ({}, "2020-01-01"), (EMERGENCY, "2020-01-01")], False),
        ([(AMBULATORY, "2020-01-01"), ({}, "2020-01-01"), (AMBULATORY, "2020-01-01")], False),
        ([({}, "2020-01-01"), ({}, "2020-01-01"), ({}, "2020-01-01")], False),
    ],
)
def test_identifiers_that_chain_join_only_what_agrees_on_concept_and_day(
    said: list[tuple[dict[str, Any], str]], joined: bool
) -> None:
    """The first two share one identifier, the last two another: no one identifier names all three."""
    names = (named("X"), [*named("X"), *named("Y")], named("Y"))
    seen = [
        at(
            source,
            {
                "resourceType": "Encounter",
                "status": "finished",
                "identifier": identifier,
                "type": [kind] if kind else [],
                "period": {"start": day},
            },
        )
        for source, identifier, (kind, day) in zip(("practice", "hospital", "community"), names, said, strict=True)
    ]
    assert sizes(*seen) == ([3] if joined else [1, 1, 1])


def test_the_same_value_of_another_system_or_type_joins_nothing() -> None:
    ours = at("practice", condition(identifier=PRESCRIPTION) | {"code": {"text": "A"}})
    elsewhere = condition(identifier=named(system="https://other.example")) | {"code": {"text": "A"}}
    assert sizes(ours, at("hospital", elsewhere)) == [1, 1]
    assert sizes(ours, at("hospital", procedure(identifier=PRESCRIPTION) | {"code": {"text": "A"}})) == [1, 1]


def test_what_has_no_date_joins_neither_of_two_that_differ() -> None:
    dated = [
        at(source, condition(identifier=PRESCRIPTION, onsetDateTime=day))
        for source, day in (("practice", "2020-01-01"), ("hospital", "2021-01-01"))
    ]
    assert sizes(*dated, at("community", condition(identifier=PRESCRIPTION))) == [1, 1, 1]


def test_dates_that_differ_under_one_identifier_are_two_entries_and_a_conflict() -> None:
    record = merge(
        items=[
            at("practice", condition(identifier=PRESCRIPTION, onsetDateTime="2020-01-01")),
            at("hospital", condition(identifier=PRESCRIPTION, onsetDateTime="2020-02-01")),
        ]
    )
    assert [(conflict.kind, len(conflict.entry_keys)) for conflict in record.conflicts] == [("date", 2)]


# Codes that were lost


@pytest.mark.parametrize("code", DEGRADED)
@pytest.mark.parametrize("system", ["http://snomed.info/sct", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"])
def test_a_code_that_was_lost_joins_nothing_and_makes_no_conflict(code: str, system: str) -> None:
    lost = concept(code=code, system=system)

    def measured(value: float) -> dict[str, Any]:
        told = observation(effectiveDateTime=MOMENT, valueQuantity={"value": value, "unit": "g/L"})
        return told | {"code": lost}

    results = [at("practice", measured(1)), at("practice", measured(2)), at("hospital", measured(1))]
    assert sizes(*results) == [1, 1, 1]
    assert merge(items=results).conflicts == ()
    problems = [
        at(source, condition(onsetDateTime="2020-01-01") | {"code": lost}) for source in ("practice", "hospital")
    ]
    assert sizes(*problems) == [1, 1]
    drugs = [
        at(source, order() | {"medicationCodeableConcept": lost | {"text": words}})
        for source, words in (("practice", "Aspirin"), ("hospital", "Warfarin"))
    ]
    assert sizes(*drugs) == [1, 1]


def test_a_code_that_was_lost_teaches_no_concept() -> None:
    both = condition(onsetDateTime="2020-01-01")
    both["code"]["coding"].append(concept(code="196411000000103")["coding"][0])
    other = condition(onsetDateTime="2020-01-01", code="38341003")
    other["code"]["coding"].append(concept(code="196411000000103")["coding"][0])
    assert sizes(at("practice", both), at("hospital", other)) == [1, 1]


# Days and results


def test_two_results_of_one_day_at_one_source_stay_two() -> None:
    twice = [at("practice", observation(id=name, effectiveDateTime="2024-05-01", **POTASSIUM)) for name in ("a", "b")]
    assert sizes(*twice) == [1, 1]
    for moment in ("2024-05-01", MOMENT):
        copy = at("hospital", observation(id="c", effectiveDateTime=moment, **POTASSIUM))
        assert sizes(*twice, copy) == [1, 1, 1]


@pytest.mark.parametrize("category", ["laboratory", "vital-signs"])
def test_one_measurement_at_two_sources_is_one_result_or_one_observation(category: str) -> None:
    coded = [concept(code=category, system="http://terminology.hl7.org/CodeSystem/observation-category")]
    measured = observation(category=coded, effectiveDateTime=MOMENT, **POTASSIUM)
    assert sizes(at("practice", measured), at("hospital", measured)) == [2]


def test_a_day_and_a_minute_of_one_source_are_two_results() -> None:
    day = at("practice", observation(id="a", effectiveDateTime="2024-05-01", **POTASSIUM))
    minute = at("practice", observation(id="b", effectiveDateTime=MOMENT, **POTASSIUM))
    copy = at("hospital", observation(id="c", effectiveDateTime=MOMENT, **POTASSIUM))
    assert sizes(day, minute) == [1, 1]
    assert sizes(day, minute, copy) == [1, 2]
    assert sizes(day, copy) == [2]


def test_a_day_beside_two_minutes_joins_neither() -> None:
    day = at("practice", observation(effectiveDateTime="2024-05-01", **POTASSIUM))
    two = [at("hospital", observation(effectiveDateTime=moment, **POTASSIUM)) for moment in (MOMENT, NOON)]
    assert sizes(day, *two) == [1, 1, 1]


def test_one_result_that_is_sent_twice_still_joins_its_copy() -> None:
    twice = [at("practice", observation(id="a", effectiveDateTime="2024-05-01", **POTASSIUM)) for _ in range(2)]
    copy = at("hospital", observation(id="c", effectiveDateTime="2024-05-01", **POTASSIUM))
    assert sizes(*twice, copy) == [3]


def test_what_has_no_date_changes_nothing_for_what_has_one() -> None:
    """A copy without a date at one source must not break up, or make up, what its dated copies join."""

    def told(source: str, identifier: str = "", **members: Any) -> Item:
        name = {"identifier": named(identifier)} if identifier else {}
        return at(source, {**condition(id="one", **name, **members), "code": {"text": "Asthma"}})

    dated = [
        told("practice", "X", onsetDateTime="2024"),
        told("hospital", "X", onsetDateTime="2024"),
        told("practice", "Y", onsetDateTime="2024"),
        told("community", "Y", onsetDateTime="2024"),
    ]
    alone = {frozenset(one.id for one in entry.items) for entry in entries(*dated)}
    undated = told("practice")
    beside = {frozenset(one.id for one in entry.items) - {undated.id} for entry in entries(*dated, undated)}
    assert beside - {frozenset()} == alone


# Dates and times


def test_an_event_is_of_its_day_whatever_the_time() -> None:
    morning, noon = (procedure(performedDateTime=moment) for moment in (MOMENT, NOON))
    assert sizes(at("practice", morning), at("hospital", noon)) == [2]
    worded = [act | {"code": {"text": "Dressing"}, "identifier": named()} for act in (morning, noon)]
    assert sizes(at("practice", worded[0]), at("hospital", worded[1])) == [2]


def test_a_date_that_cannot_be_meant_is_neither_a_date_nor_none() -> None:
    absurd, undated = procedure(performedDateTime="9999-12-31"), procedure()
    assert sizes(at("practice", absurd), at("hospital", undated)) == [1, 1]
    assert sizes(at("practice", absurd), at("hospital", absurd)) == [2]


# A number that stands on several things of one source


def test_a_number_on_several_things_joins_none_of_them_without_a_concept() -> None:
    worded = {"code": {"text": "Dressing"}, "identifier": named()}
    ours = [procedure(id=f"p{day}", performedDateTime=f"2024-05-0{day}") | worded for day in (1, 2)]
    theirs = procedure(performedDateTime="2024-05-01") | worded
    assert sizes(*(at("practice", act) for act in ours), at("hospital", theirs)) == [1, 1, 1]


def test_two_things_of_one_source_that_one_number_fits_alike_keep_no_others_apart() -> None:
    def panel(id: str) -> dict[str, Any]:
        return observation(id=id, identifier=named(), effectiveDateTime=MOMENT)

    ours = [at("practice", panel(id)) for id in ("a", "b")]
    assert sizes(*ours, at("hospital", panel("c")), at("community", panel("d"))) == [1, 1, 2]


def test_a_number_on_two_copies_that_are_one_thing_names_that_thing() -> None:
    copies = [at("practice", allergy(id=id, identifier=named())) for id in ("a", "b")]
    worded = allergy(identifier=named()) | {"code": {"text": "Penicillin"}}
    assert sizes(*copies, at("hospital", worded)) == [3]


# Which codes mean the same

SAME = ("11111111", "22222222", "33333333")


def coded(make: Any, *codes: str, **members: Any) -> dict[str, Any]:
    told: dict[str, Any] = make(**members)
    return told | {"code": {"coding": [concept(code=code)["coding"][0] for code in codes]}}


@pytest.mark.parametrize(
    ("make", "members"), [(allergy, {}), (procedure, {"performedDateTime": "2024-05-01"})], ids=["lasting", "of a day"]
)
def test_the_codes_of_one_fact_mean_the_same_and_join_what_has_any_of_them(make: Any, members: dict[str, Any]) -> None:
    apart = [at(f"source {code}", coded(make, code, **members)) for code in SAME]
    assert sizes(*apart) == [1, 1, 1]
    assert sizes(*apart, at("practice", coded(make, *SAME, **members))) == [4]


def test_the_codes_of_an_event_without_a_date_join_no_dated_ones() -> None:
    apart = [at(f"source {code}", coded(procedure, code, performedDateTime="2024-05-01")) for code in SAME]
    assert sizes(*apart, at("practice", coded(procedure, *SAME))) == [1, 1, 1, 1]


# Chains of what has no date


@pytest.mark.parametrize(
    ("make", "dates"),
    [
        # An allergy needs no date, so that its lack of one leaves nothing open.
        (allergy, ["", "", ""]),
        (procedure, ["2024-05-01", "", "2024-06-01"]),
    ],
)
def test_a_chain_of_identifiers_through_what_has_no_date_joins_nothing(make: Any, dates: list[str]) -> None:
    names = (named("X"), [*named("X"), *named("Y")], named("Y"))
    chain = [
        at(source, make(identifier=identifier, performedDateTime=date) | {"code": {"text": "Something"}})
        for source, identifier, date in zip(("practice", "hospital", "community"), names, dates, strict=True)
    ]
    assert sizes(*chain) == [1, 1, 1]


# Denials and retractions of one name


def test_a_retraction_stands_with_the_claims_of_its_name_else_with_the_denials() -> None:
    gone = at("community", condition(identifier=named(), verificationStatus=concept(code="entered-in-error")))
    denied = at("hospital", condition(identifier=named(), verificationStatus=concept(code="refuted")))
    claimed = at("practice", condition(identifier=named()))
    together = {frozenset(each.id for each in entry.items) for entry in entries(gone, denied)}
    assert together == {frozenset({gone.id, denied.id})}
    together = {frozenset(each.id for each in entry.items) for entry in entries(gone, denied, claimed)}
    assert together == {frozenset({gone.id, claimed.id}), frozenset({denied.id})}
    unasked = at("practice", condition(identifier=named()) | {"code": {"text": "Not asked"}})
    together = {frozenset(each.id for each in entry.items) for entry in entries(gone, denied, unasked)}
    assert together == {frozenset({gone.id, denied.id}), frozenset({unasked.id})}


def test_things_of_one_concept_join_under_whatever_identifiers_and_their_retractions_do_not() -> None:
    ours, theirs = (condition(identifier=named(value), onsetDateTime="2024-05-01") for value in ("1", "2"))
    assert sizes(at("practice", ours), at("hospital", theirs)) == [2]
    gone = [{**told, "verificationStatus": concept(code="entered-in-error")} for told in (ours, theirs)]
    assert sizes(at("practice", gone[0]), at("hospital", gone[1])) == [1, 1]


# One resource that was sent more than once


@pytest.mark.parametrize(
    ("first", "again", "joined"),
    [
        ({"effectiveDateTime": MOMENT}, {"effectiveDateTime": "2024-05-01T10:00:00+01:00"}, True),
        ({"effectiveDateTime": MOMENT}, {"effectiveDateTime": NOON}, False),
        ({"effectiveDateTime": MOMENT}, {"effectiveDateTime": "2024-05-01"}, True),
        ({"effectiveDateTime": MOMENT}, {}, False),
        ({}, {}, True),
        ({"valueString": "high"}, {"valueString": "low"}, False),
        ({"valueString": "high"}, {}, True),
        ({}, {"code": concept(code="1022431000000105")}, False),
    ],
)
def test_a_resource_that_is_sent_twice_is_one_unless_it_says_another_thing(
    first: dict[str, Any], again: dict[str, Any], joined: bool
) -> None:
    copies = [at("practice", observation(id="o") | members) for members in (first, again)]
    assert sizes(*copies) == ([2] if joined else [1, 1])


def test_a_number_on_one_server_is_not_what_joined_an_authorisation_and_its_issue() -> None:
    plan = order(id="p", intent="plan", identifier=named())
    issue = order(id="i", status="completed", basedOn=[{"reference": "MedicationRequest/p"}], identifier=named())
    assert [entry.rule for entry in entries(at("practice", plan), at("practice", issue))] == ["authorisation"]


def chained(*resources: dict[str, Any]) -> list[Item]:
    """Return three things at three sources, of which the second shares an identifier with each of the others."""
    names = (named("X"), [*named("X"), *named("Y")], named("Y"))
    sources = ("practice", "hospital", "community")
    return [
        at(source, {**resource, "identifier": identifier})
        for source, identifier, resource in zip(sources, names, resources, strict=True)
    ]


def test_a_chain_without_dates_joins_no_two_concepts() -> None:
    worded = procedure() | {"code": {"text": "Dressing"}}
    assert sizes(*chained(procedure(), worded, procedure())) == [3]
    assert sizes(*chained(procedure(), worded, procedure(code="174041007"))) == [1, 1, 1]


def test_a_chain_of_one_medicine_joins_only_where_the_day_is_known() -> None:
    def prescribed(day: str) -> list[dict[str, Any]]:
        dated = {"authoredOn": day} if day else {}
        routes = [[{"route": concept(code=code)}] for code in ("26643006", "18679011000001101")]
        oral, inhaled = (order(dosageInstruction=route, **dated) for route in routes)
        return [oral, order(status="completed", **dated), inhaled]

    assert sizes(*chained(*prescribed("2024-05-01"))) == [3]
    assert sizes(*chained(*prescribed(""))) == [1, 1, 1]
