"""What a conflict says to its reader, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.item import Item
from aggregator.record.merge import merge
from aggregator.record.timeline import Conflict
from tests.factories import allergy, concept, condition, item, observation, order, procedure

Json = dict[str, Any]
Claims = tuple[tuple[str, str], ...]

ERROR = concept(code="entered-in-error")
RESOLVED = concept(code="resolved")
REFUTED = concept(code="refuted")
UNSURE = concept(code="unconfirmed")
MILD = condition(onsetDateTime="2020", severity={"text": "Mild"})
MOMENT = "2024-05-01T09:00:00Z"
NAMED = [{"system": "https://records.example/id", "value": "7"}]


def here(resource: Json) -> Item:
    return item(resource=resource, source="practice")


def there(resource: Json) -> Item:
    return item(resource=resource, source="hospital")


def conflicts(*items: Item) -> tuple[Conflict, ...]:
    return merge(items=items).conflicts


def said(*items: Item) -> list[tuple[str, str, Claims, int]]:
    """Return each conflict's kind, statement and claims, and how many entries it stands under."""
    return [(found.kind, found.statement, found.claims, len(found.entry_keys)) for found in conflicts(*items)]


def creatinine(value: float | None, **members: Any) -> Json:
    quantity = {} if value is None else {"valueQuantity": {"value": value, "unit": "umol/L"}}
    return observation(effectiveDateTime=MOMENT, **quantity, **members)


def dosed(*amounts: object, words: str = "") -> Json:
    """Return an order whose dosages are these amounts of milligrams, "" for one that is told in words alone."""
    dosages = [
        {"text": words} | ({"doseAndRate": [{"doseQuantity": {"value": amount, "unit": "mg"}}]} if amount else {})
        for amount in amounts
    ]
    return order(dosageInstruction=dosages)


def planned(*, identifier: list[Json], when: str, id: str = "p") -> Json:
    return procedure(id=id, identifier=identifier, performedDateTime=when)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(
            [here(creatinine(80)), there(creatinine(180))],
            (
                "value",
                "The same test at the same time has different values.",
                (("hospital", "180 umol/L"), ("practice", "80 umol/L")),
                2,
            ),
            id="two values of one test",
        ),
        pytest.param(
            [here(allergy(verificationStatus=REFUTED)), there(allergy())],
            (
                "negation",
                "One item says this, another denies it.",
                (("hospital", "Allergy to penicillin"), ("practice", "Refuted: Allergy to penicillin")),
                2,
            ),
            id="a claim and its denial",
        ),
        pytest.param(
            [here(allergy(code="716186003", display="No known allergy")), there(allergy())],
            (
                "negation",
                "One source says that no allergies are known; another holds an allergy.",
                (("practice", "No known allergy"), ("hospital", "Allergy to penicillin")),
                2,
            ),
            id="none known beside one",
        ),
        pytest.param(
            [here(dosed(75, 150)), there(dosed(300))],
            (
                "dose",
                "The sources give different doses.",
                (("hospital", "300 mg"), ("practice", "75 mg; 150 mg")),
                1,
            ),
            id="two doses",
        ),
        pytest.param(
            [here(allergy(criticality="low")), here(allergy(criticality="high")), there(allergy(criticality="high"))],
            (
                "criticality",
                "The sources give different criticalities.",
                (("hospital", "high"), ("practice", "high, low")),
                1,
            ),
            id="an assessment of which one source has two",
        ),
        pytest.param(
            [here(allergy()), there(allergy(clinicalStatus=RESOLVED))],
            (
                "status",
                "The sources give different statuses.",
                (("practice", "active"), ("hospital", "resolved")),
                2,
            ),
            id="current here, past there",
        ),
        pytest.param(
            [here(order(identifier=NAMED)), there(order(identifier=NAMED, status="completed"))],
            (
                "status",
                "The sources give different statuses.",
                (("hospital", "completed"), ("practice", "active")),
                1,
            ),
            id="two statuses of one entry",
        ),
        pytest.param(
            [
                here(planned(identifier=NAMED, when="2024-05-01")),
                there(planned(identifier=NAMED, when="2024-06-01")),
            ],
            (
                "date",
                "The sources give different dates.",
                (("hospital", "2024-06-01"), ("practice", "2024-05-01")),
                2,
            ),
            id="one thing on two days",
        ),
        pytest.param(
            [here(allergy(onsetDateTime="2010")), there(allergy(onsetDateTime="2020"))],
            ("date", "The sources give different dates.", (("hospital", "2020"), ("practice", "2010")), 1),
            id="two dates of one entry",
        ),
        pytest.param(
            [here(allergy(criticality="low")), there(allergy(criticality="high"))],
            (
                "criticality",
                "The sources give different criticalities.",
                (("hospital", "high"), ("practice", "low")),
                1,
            ),
            id="an assessment",
        ),
        pytest.param(
            [here(allergy(verificationStatus=concept(code="confirmed"))), there(allergy(verificationStatus=UNSURE))],
            (
                "verification",
                "The sources are not equally sure of this.",
                (("hospital", "unconfirmed"), ("practice", "confirmed")),
                1,
            ),
            id="how sure it is",
        ),
        pytest.param(
            [here(condition(onsetDateTime="2020", severity={"text": "Very  Bad"})), there(MILD)],
            (
                "severity",
                "The sources give different severities.",
                (("hospital", "mild"), ("practice", "very bad")),
                1,
            ),
            id="how severe it is",
        ),
        pytest.param(
            [
                here(condition(id="a", identifier=NAMED, verificationStatus=ERROR)),
                here(condition(id="b", identifier=NAMED)),
            ],
            (
                "retraction",
                "Taken back by its source.",
                (("practice", "entered in error: Diabetes mellitus"), ("practice", "Diabetes mellitus")),
                2,
            ),
            id="a copy that is taken back",
        ),
        pytest.param(
            [here(condition(verificationStatus=ERROR)), there(condition())],
            (
                "retraction",
                "Taken back by one source; this may be the same.",
                (("practice", "entered in error: Diabetes mellitus"), ("hospital", "Diabetes mellitus")),
                2,
            ),
            id="what may be taken back",
        ),
    ],
)
def test_a_conflict_says_in_words_what_differs_and_who_says_what(
    items: list[Item], expected: tuple[str, str, Claims, int]
) -> None:
    assert said(*items) == [expected]


def test_the_codes_of_one_fact_mean_the_same_where_another_denies_one_of_them() -> None:
    both = allergy(code="11111111")
    both["code"]["coding"].append(concept(code="22222222")["coding"][0])
    denied = allergy(code="22222222", verificationStatus=REFUTED)
    assert [found.kind for found in conflicts(here(both), there(denied))] == ["negation"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (dosed(75), dosed(300)),
        (order(identifier=NAMED), order(identifier=NAMED, status="completed")),
        (allergy(onsetDateTime="2010"), allergy(onsetDateTime="2020")),
        (allergy(criticality="low"), allergy(criticality="high")),
        (allergy(), allergy(clinicalStatus=RESOLVED)),
    ],
)
def test_a_conflict_is_found_under_each_entry_that_it_names(ours: Json, theirs: Json) -> None:
    (section,) = merge(items=[here(ours), there(theirs)]).sections
    for entry in section.entries:
        assert [entry.key in found.entry_keys for found in entry.conflicts] == [True]
    (found,) = {each for entry in section.entries for each in entry.conflicts}
    assert found.entry_keys == tuple(sorted(entry.key for entry in section.entries))


# Doses


def every(frequency: int, unit: str) -> Json:
    """Return an order of 75 mg so many times per one unit of time."""
    amount = {"doseQuantity": {"value": 75, "unit": "mg"}}
    repeat = {"frequency": frequency, "period": 1, "periodUnit": unit}
    return order(dosageInstruction=[{"doseAndRate": [amount], "timing": {"repeat": repeat}}])


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (dosed(75), dosed(300), ["dose"]),
        (dosed(75, 150), dosed(75, 300), ["dose"]),
        (every(1, "d"), every(2, "d"), ["dose"]),
        (every(1, "moon"), every(2, "moon"), ["dose"]),  # a unit of time that nobody knows
        (every(1, "moon"), every(1, "moon"), []),
        (dosed("", words="One at night"), dosed("", words="Two at night"), ["dose-wording"]),
        (dosed(75), dosed("", words="One at night"), ["dose-wording"]),
    ],
)
def test_two_doses_are_enough_for_a_conflict(ours: Json, theirs: Json, expected: list[str]) -> None:
    assert [found.kind for found in conflicts(here(ours), there(theirs))] == expected


# Statuses


@pytest.mark.parametrize("status", ["active", "resolved"])
def test_entries_that_stand_alike_have_no_conflict_of_statuses(status: str) -> None:
    standing = {"clinicalStatus": concept(code=status)}
    ours = here(condition(onsetDateTime="2024-05-01", **standing))
    theirs = [there(condition(onsetDateTime=date, **standing)) for date in ("2024-06-01", "2024")]
    assert conflicts(ours, *theirs) == ()


# Dates


def test_two_entries_of_one_source_under_one_identifier_are_two_things_and_no_conflict_of_dates() -> None:
    ours = [here(planned(identifier=NAMED, when=f"2024-05-0{day}", id=f"p{day}")) for day in (1, 2)]
    assert conflicts(*ours) == ()
    assert conflicts(*ours, there(planned(identifier=NAMED, when="2024-06-01"))) == ()


def test_one_day_told_more_and_less_closely_is_no_conflict() -> None:
    ours = here(planned(identifier=NAMED, when="2024-05"))
    assert conflicts(ours, there(planned(identifier=NAMED, when="2024-05-01"))) == ()


def test_the_dates_of_one_entry_are_said_once_whatever_identifiers_its_copies_have() -> None:
    named = [allergy(identifier=NAMED, onsetDateTime=year) for year in ("2010", "2011")]
    unnamed = item(resource=allergy(onsetDateTime="2012"), source="community")
    (found,) = conflicts(here(named[0]), there(named[1]), unnamed)
    assert found.claims == (("community", "2012"), ("hospital", "2011"), ("practice", "2010"))


# Denials


def test_a_denial_contradicts_an_allergy_whenever_either_began() -> None:
    ours, theirs = allergy(verificationStatus=REFUTED, onsetDateTime="2010"), allergy(onsetDateTime="2020")
    assert [found.kind for found in conflicts(here(ours), there(theirs))] == ["negation"]


def test_a_number_that_stands_on_two_things_makes_the_denial_of_one_no_denial_of_the_other() -> None:
    undone = procedure(identifier=NAMED, status="not-done", performedDateTime="2024-05-01")
    another = procedure(identifier=NAMED, performedDateTime="2024-05-01", code="44950009", display="Adhesiolysis")
    assert conflicts(here(undone), there(another)) == ()
    same = procedure(identifier=NAMED, performedDateTime="2024-05-01")
    assert [found.kind for found in conflicts(here(undone), there(another), there(same))] == ["negation"]


# What nothing says is one thing


def worded(resource: Json, words: str) -> Json:
    name = "medicationCodeableConcept" if "medicationCodeableConcept" in resource else "code"
    return {**resource, name: {"text": words}}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        # Words are compared with nothing.
        (worded(allergy(), "Pollen"), worded(allergy(clinicalStatus=RESOLVED), "Latex")),
        (
            worded(condition(identifier=NAMED, verificationStatus=REFUTED), "Asthma"),
            worded(condition(), "Migraine"),
        ),
        (
            worded(planned(identifier=NAMED, when="2024-05-01"), "Dressing"),
            worded(planned(identifier=NAMED, when="2024-06-01"), "Stitches"),
        ),
        # What was not done was not done on either day.
        (
            {**planned(identifier=NAMED, when="2024-05-01"), "status": "not-done"},
            {**planned(identifier=NAMED, when="2024-06-01"), "status": "not-done"},
        ),
        # Each source dates its own prescription.
        (
            order(identifier=NAMED, status="completed", authoredOn="2024-05-01"),
            order(identifier=NAMED, status="completed", authoredOn="2024-06-01"),
        ),
    ],
)
def test_what_nothing_makes_one_thing_has_no_conflict(ours: Json, theirs: Json) -> None:
    assert conflicts(here(ours), there(theirs)) == ()


@pytest.mark.parametrize(("status", "expected"), [("active", ["dose"]), ("completed", [])])
def test_only_current_medicines_of_one_ingredient_are_a_conflict(status: str, expected: list[str]) -> None:
    def containing(words: str, **members: Any) -> Json:
        medicine = {
            "resourceType": "Medication",
            "id": "m",
            "code": {"text": words},
            "ingredient": [{"itemCodeableConcept": concept(code="387517004")}],
        }
        told = order(contained=[medicine], medicationReference={"reference": "#m"}, **members)
        del told["medicationCodeableConcept"]
        return told

    ours, theirs = containing("Calpol", status="active"), containing("Panadol", status=status)
    assert [found.kind for found in conflicts(here(ours), there(theirs))] == expected
