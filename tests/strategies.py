"""What Hypothesis draws: numbers, people, FHIR items, policies and relationships, valid unless the name says otherwise.

Pools are small on purpose: laws about joining are only tried where things agree.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from msgspec import structs

from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Role
from aggregator.consent.terms import BasePolicy, PolicyTerms
from aggregator.mpi.demographics import Demographics
from aggregator.record.item import Item
from aggregator.relationships.terms import RelationshipKind, RelationshipTerms
from connectors.contract.categories import RecordCategory
from tests.factories import NOW, SNOMED_CT, UCUM, check_digit, concept, item, restricted
from tests.factories import requester as a_requester

Json = dict[str, Any]

# NHS numbers


@st.composite
def valid_numbers(draw: DrawFn) -> str:
    """Draw a valid NHS number that begins with 9, as test numbers do."""
    stem = draw(stems())
    digit = check_digit(stem=stem)
    if digit == 10:  # no number has this stem; the next has one, since its last weight is 2
        stem = stem[:-1] + str((int(stem[-1]) + 1) % 10)
        digit = check_digit(stem=stem)
    return f"{stem}{digit}" if digit < 10 else "9990001006"


def stems() -> SearchStrategy[str]:
    """Draw nine digits that begin with 9."""
    return st.integers(900_000_000, 999_999_998).map(str)


# People

GIVEN_NAMES = ("Joan", "Jean", "Robert", "Bob", "Rob", "R", "Elizabeth", "Liz", "Beth", "José", "Baby", "Unknown", "")
FAMILY_NAMES = ("Ferris", "FERRIS", "O'Neill", "ONeill", "Smith-Åberg", "Robert", "Joan", "")


@st.composite
def demographics(draw: DrawFn, *, statuses: tuple[str, ...] = ("01", "03", "")) -> Demographics:
    """Draw demographics from small pools, so that two drawings often agree in part."""
    return Demographics(
        nhs_number=draw(st.sampled_from(["9990001006", "9990001014", "9990001022", "9990001007", ""])),
        nhs_number_status=draw(st.sampled_from(statuses)),
        family=draw(st.sampled_from(FAMILY_NAMES)),
        given=draw(st.sampled_from(GIVEN_NAMES)),
        birth_date=draw(st.sampled_from([date(1951, 5, 4), date(1951, 4, 5), date(1900, 1, 1), None])),
        sex=draw(st.sampled_from(["male", "female", "unknown", ""])),
        postcode=draw(st.sampled_from(["TM1 1AA", "tm11aa", "TM9 9ZZ", ""])),
    )


@st.composite
def pairs_of_demographics(draw: DrawFn) -> tuple[Demographics, Demographics]:
    """Draw two, the first with a verified number: any two, or one human as two sources hold them."""
    left = draw(demographics(statuses=("01",)))
    if draw(st.booleans()):
        return left, draw(demographics(statuses=("01", "")))
    known = replace(left, nhs_number=draw(valid_numbers()), birth_date=date(1951, 5, 4))
    changes = draw(
        st.sampled_from([{}, {"postcode": ""}, {"sex": ""}, {"nhs_number_status": ""}, {"birth_date": None}])
    )
    return known, replace(known, **changes)


@st.composite
def spellings(draw: DrawFn) -> Callable[[str], str]:
    """Draw a way to type a name that says nothing of who bears it."""
    form = draw(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
    apostrophe = draw(
        st.sampled_from(["'", "", "\u2019", "\u2018", "`", "\u00b4", "\u02bc", "\u02bb", "\uff07", "\ua78c"])
    )
    hyphen = draw(st.sampled_from(["-", "", "\u2010", "\u2011", "\u2013", "\u2212", "\uff0d", " ", "\u00a0"]))
    around = draw(st.sampled_from(["", " ", "\u00a0", "\u2009", "\u200b", "\u200e", "\u202e", "\ufeff", "\u00ad"]))
    changed_case = draw(st.sampled_from([str.upper, str.lower, str.title, str]))

    def spelt(name: str) -> str:
        typed = changed_case(name).replace("'", apostrophe).replace("-", hyphen)
        middle = len(typed) // 2 if around.strip() else 0
        return unicodedata.normalize(form, f"{typed[:middle]}{around}{typed[middle:]}{around}")

    return spelt


def given_names() -> SearchStrategy[str]:
    """Draw given names that have short forms, short forms, and any text."""
    return st.sampled_from(("catherine", "cathy", "james", "jim", "jamie")) | st.text(max_size=8)


# FHIR

SOURCES = ("practice", "hospital", "community")
DATES = (
    "2024",
    "2024-05",
    "2024-05-01",
    "2024-05-02",
    "2023-12-31",
    "2024-05-01T10:00:00+01:00",
    "2024-05-01T09:00:00Z",
    "2024-05-01T23:30:00Z",
    "2016-12-31T23:59:60Z",
    "0001-01-01",
)
IDENTIFIERS = ("A-1", "B-2")
CODES = {
    "Condition": ("73211009", "44054006", "38341003"),
    "AllergyIntolerance": ("91936005", "294505008", "716186003", "409137002"),
    "Procedure": ("80146002", "174041007"),
    "Immunization": ("39114911000001105", "822851000000102"),
    "Medication": ("322236009", "39113611000001102", "319775004"),
    "Observation": ("1000731000000107", "1022431000000105"),
    "Encounter": ("185347001", "308335008"),
}
# Of a condition or an allergy: its clinical status, and how far it is verified.
CLINICAL_STATUSES = tuple(
    f"{clinical}/{verified}"
    for clinical in ("active", "resolved", "inactive", "")
    for verified in ("confirmed", "confirmed", "refuted", "entered-in-error", "")
)
STATUSES = {
    "Condition": CLINICAL_STATUSES,
    "AllergyIntolerance": CLINICAL_STATUSES,
    "MedicationRequest": ("active", "on-hold", "completed", "stopped", "cancelled", "entered-in-error", "draft"),
    "MedicationStatement": ("active", "completed", "stopped", "not-taken", "entered-in-error", "unknown"),
    "Procedure": ("completed", "not-done", "entered-in-error", "unknown"),
    "Immunization": ("completed", "not-done", "entered-in-error"),
    "Observation": ("final", "preliminary", "amended", "cancelled", "entered-in-error"),
    "Encounter": ("finished", "in-progress", "planned", "cancelled", "entered-in-error"),
}
DATE_ELEMENTS = {
    "Condition": "onsetDateTime",
    "AllergyIntolerance": "onsetDateTime",
    "Procedure": "performedDateTime",
    "Immunization": "occurrenceDateTime",
    "Observation": "effectiveDateTime",
    "MedicationRequest": "authoredOn",
    "MedicationStatement": "effectiveDateTime",
}
SUBJECT = {"reference": "Patient/1"}
PATIENT_TYPES = frozenset({"AllergyIntolerance", "Immunization"})
CLINICAL_STATUS_TYPES = frozenset({"Condition", "AllergyIntolerance"})
MEDICATION_TYPES = frozenset({"MedicationRequest", "MedicationStatement"})
TYPES = tuple(STATUSES)
# What says that a thing is so now, what denies it and what takes it back.
DISPUTED = {
    "Condition": ("active/confirmed", "active/refuted", "active/entered-in-error"),
    "AllergyIntolerance": ("active/confirmed", "active/refuted", "active/entered-in-error"),
    "MedicationRequest": ("active", "entered-in-error"),
    "MedicationStatement": ("active", "not-taken", "entered-in-error"),
    "Encounter": ("in-progress", "cancelled", "entered-in-error"),
}


@dataclass(frozen=True, kw_only=True)
class Telling:
    """In which ways a thing may be told of: what a resource about it may be coded, dated, named and stand by.

    `named`: it always has one of the identifiers; `least_codes`: how many of the codes it has at least.
    """

    kind: str
    pool: tuple[str, ...]
    statuses: tuple[str, ...]
    dates: tuple[str, ...] = DATES
    identifiers: tuple[str, ...] = IDENTIFIERS
    least_codes: int = 0
    named: bool = False


def anything(*, kind: str) -> Telling:
    """Return all the ways in which things of a type may be told of."""
    return Telling(kind=kind, pool=CODES["Medication" if kind in MEDICATION_TYPES else kind], statuses=STATUSES[kind])


@st.composite
def codes(draw: DrawFn, *, pool: tuple[str, ...], least: int = 0) -> Json:
    """Draw a CodeableConcept: one SNOMED CT code, two that mean the same, or words alone."""
    chosen = draw(st.lists(st.sampled_from(pool), min_size=least, max_size=2, unique=True))
    return {
        "coding": [{"system": SNOMED_CT, "code": code, "display": f"Concept {code}"} for code in chosen],
        "text": draw(st.sampled_from(["As the clinician wrote it", "Worded otherwise"])),
    }


@st.composite
def resources(draw: DrawFn, *, kinds: tuple[str, ...] = TYPES, coded: bool = True) -> Json:
    """Draw one clinical R4 resource: any type, status, precision of date, with or without identifiers and labels."""
    return draw(_told(telling=anything(kind=draw(st.sampled_from(sorted(kinds)))), coded=coded))


@st.composite
def _told(draw: DrawFn, *, telling: Telling, coded: bool = True) -> Json:
    kind = telling.kind
    written: Json = {"resourceType": kind, "id": draw(st.sampled_from(["one", "two", "three"]))}
    written["patient" if kind in PATIENT_TYPES else "subject"] = SUBJECT
    named = codes(pool=telling.pool, least=telling.least_codes)
    words = draw(named) if coded else {"text": "As the clinician wrote it"}
    written.update(draw(_subject_element(kind=kind, words=words)))
    written.update(_standing_elements(kind=kind, status=draw(st.sampled_from(telling.statuses))))
    when = draw(st.one_of(st.none(), st.sampled_from(telling.dates)))
    if when and kind in DATE_ELEMENTS:
        written[DATE_ELEMENTS[kind]] = when
    identifier = st.sampled_from(telling.identifiers)
    value = draw(identifier if telling.named else st.none() | identifier)
    if value:
        written["identifier"] = [{"system": "https://records.example/id", "value": value}]
    if kind in MEDICATION_TYPES:
        written.update(draw(_prescribing()))
    if kind == "Observation":
        written.update(draw(_measuring()))
    return written


@st.composite
def _subject_element(draw: DrawFn, *, kind: str, words: Json) -> Json:
    if kind == "Encounter":
        return {"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}, "type": [words]}
    if kind == "Immunization":
        return {"vaccineCode": words}
    if kind not in MEDICATION_TYPES:
        return {"code": words}
    if draw(st.booleans()):
        return {"medicationCodeableConcept": words}
    return {"medicationReference": {"reference": f"Medication/{draw(st.sampled_from(['m', 'n']))}"}}


def _standing_elements(*, kind: str, status: str) -> Json:
    if kind not in CLINICAL_STATUS_TYPES:
        return {"status": status, **({"intent": "order"} if kind == "MedicationRequest" else {})}
    stem = "condition" if kind == "Condition" else "allergyintolerance"
    clinical, verified = status.split("/")
    elements = {
        "clinicalStatus": concept(code=clinical, system=f"http://terminology.hl7.org/CodeSystem/{stem}-clinical"),
        "verificationStatus": concept(code=verified, system=f"http://terminology.hl7.org/CodeSystem/{stem}-ver-status"),
    }
    return {name: value for name, value in elements.items() if value["coding"][0]["code"]}


@st.composite
def _prescribing(draw: DrawFn) -> Json:
    said: Json = {}
    if draw(st.booleans()):
        said["basedOn"] = [{"reference": f"MedicationRequest/{draw(st.sampled_from(['one', 'two']))}"}]
    route = draw(st.sampled_from(["", "26643006", "47625008"]))
    dosage: Json = {"text": draw(st.sampled_from(["one twice a day", "two at night"]))}
    if route:
        dosage["route"] = concept(code=route)
    return {**said, "dosage": [dosage]}


@st.composite
def _measuring(draw: DrawFn) -> Json:
    value = draw(st.sampled_from([None, 7.1, 71, 0.071]))
    if value is None:
        return {}
    unit = draw(st.sampled_from(["mmol/L", "umol/L", "g/L", "g/dL", "mystery"]))
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}


@st.composite
def supporting_resources(draw: DrawFn) -> Json:
    """Draw what other items point to: a medicine or a practitioner."""
    if draw(st.booleans()):
        return {
            "resourceType": "Medication",
            "id": draw(st.sampled_from(["m", "n"])),
            "code": draw(codes(pool=CODES["Medication"])),
        }
    return {"resourceType": "Practitioner", "id": draw(st.sampled_from(["p", "q"]))}


@st.composite
def records(
    draw: DrawFn,
    *,
    sources: tuple[str, ...] = SOURCES,
    drawn: SearchStrategy[Json] | None = None,
    min_size: int = 0,
    max_size: int = 9,
    labelled: bool = False,
) -> list[Item]:
    """Draw the items that several sources gave, in any order, each with an id of its own."""
    what = drawn if drawn is not None else st.one_of(resources(), resources(), resources(), supporting_resources())
    numbers = draw(st.lists(st.integers(0, 10**6), min_size=min_size, max_size=max_size, unique=True))
    items: list[Item] = []
    for number in numbers:
        resource = draw(what)
        if labelled and draw(st.integers(0, 3)) == 0:
            resource = {**resource, "meta": restricted(code=draw(st.sampled_from("RV")))}
        source = draw(st.sampled_from(sources))
        items.append(item(resource=resource, source=source, id=f"{source}-{number:07}"))
    return items


@st.composite
def tellings(
    draw: DrawFn,
    *,
    kinds: tuple[str, ...] = TYPES,
    coded: bool = True,
    statuses: Mapping[str, tuple[str, ...]] | None = None,
    named: bool | None = None,
) -> SearchStrategy[Json]:
    """Draw in which few ways one thing is told of, so that what is drawn of it is one, or disagrees.

    It is of one type (a medicine of any of its types), of one or two concepts, under one identifier, on a few dates.
    `statuses`: what a type may stand by, and `named`: whether all has the identifier, where that is not drawn.
    """
    kind = draw(st.sampled_from(sorted(kinds)))
    pool = draw(_some_of(anything(kind=kind).pool, least=1, most=2))
    dates = draw(_some_of(DATES, least=2, most=3))
    always_named = draw(st.booleans()) if named is None else named
    of_its_types = MEDICATION_TYPES.intersection(kinds) if kind in MEDICATION_TYPES else {kind}
    return st.one_of(
        _told(
            telling=Telling(
                kind=of_type,
                pool=pool,
                statuses=(statuses or {}).get(of_type) or draw(_some_of(STATUSES[of_type], least=2, most=3)),
                dates=dates,
                identifiers=IDENTIFIERS[:1],
                least_codes=1,
                named=always_named,
            ),
            coded=coded,
        )
        for of_type in sorted(of_its_types)
    )


def _some_of(pool: tuple[str, ...], *, least: int, most: int) -> SearchStrategy[tuple[str, ...]]:
    distinct = sorted(set(pool))
    return st.lists(st.sampled_from(distinct), min_size=least, max_size=most, unique=True).map(tuple)


@st.composite
def records_of_one_thing(
    draw: DrawFn, *, kinds: tuple[str, ...] = TYPES, coded: bool = True, labelled: bool = False
) -> list[Item]:
    """Draw a record in which many items tell of one thing, for the laws about what joins and what disagrees."""
    told = draw(tellings(kinds=kinds, coded=coded))
    return draw(records(drawn=told, min_size=3, labelled=labelled))


@st.composite
def a_record_and_more(draw: DrawFn) -> tuple[list[Item], list[Item]]:
    """Draw what two sources hold, and what a third tells of the same thing: that it is so, is not, or was an error."""
    told = draw(tellings(kinds=tuple(DISPUTED), statuses=DISPUTED, named=True))
    known = draw(records(sources=("practice", "hospital"), drawn=told, min_size=1, max_size=5))
    return known, draw(records(sources=("community",), drawn=told, min_size=1, max_size=4))


WHOLE_IDS = ("a", "b", "c")


@st.composite
def wholes(draw: DrawFn) -> Json:
    """Draw a report, a group, a contact or a list, whose parts are drawn from one small pool, so that rings are met."""
    kind = draw(st.sampled_from(["DiagnosticReport", "Observation", "Observation", "Observation", "Encounter", "List"]))
    names = [f"Observation/{name}" for name in WHOLE_IDS] + ["DiagnosticReport/a", "List/a", "List/b", "Encounter/a"]
    pointers = [{"reference": name} for name in draw(st.lists(st.sampled_from(names), max_size=4))]
    resource: Json = {"resourceType": kind, "id": draw(st.sampled_from(WHOLE_IDS)), "subject": SUBJECT}
    resource["status"] = draw(st.sampled_from(["final", "final", "final", "entered-in-error", "cancelled"]))
    resource["code"] = {"text": draw(st.sampled_from(["Full blood count", "Sodium", "Pulse"]))}
    if draw(st.booleans()):
        resource["encounter"] = {"reference": "Encounter/a"}
    match kind:
        case "DiagnosticReport":
            resource["result"] = pointers
        case "Observation":
            resource["hasMember"] = pointers
        case "List":
            resource["entry"] = [{"item": pointer} for pointer in pointers]
    return resource


@st.composite
def records_of_wholes(draw: DrawFn, *, labelled: bool = False) -> list[Item]:
    """Draw a record of wholes and parts, each list given as what only arranges others."""
    sources = ("practice", "practice", "practice", "hospital")
    items = draw(records(sources=sources, drawn=wholes(), min_size=4, labelled=labelled))
    arranging = RecordCategory.SUPPORTING
    return [structs.replace(each, category=arranging) if b'"List"' in each.resource[:24] else each for each in items]


# Who may see what

ORGANISATIONS = (UUID(int=1), UUID(int=2))
USERS = (UUID(int=11), UUID(int=12))


@st.composite
def policies(draw: DrawFn) -> tuple[PolicyTerms, ...]:
    """Draw any policies, in any number and order."""
    return tuple(PolicyTerms(base=base) for base in draw(st.lists(st.sampled_from(BasePolicy), max_size=3)))


@st.composite
def relationships(draw: DrawFn) -> tuple[RelationshipTerms, ...]:
    """Draw relationships of two organisations and of users who act for them: open, over, ended and to come."""
    day = st.dates(date(2024, 1, 1), date(2026, 12, 31))
    return tuple(
        RelationshipTerms(
            organisation_id=draw(st.sampled_from(ORGANISATIONS)),
            kind=draw(st.sampled_from(RelationshipKind)),
            from_date=draw(day),
            until_date=draw(st.one_of(st.none(), day)),
            user_id=draw(st.sampled_from([None, *USERS])),
            ends_at=draw(st.none() | st.integers(-2, 2).map(lambda hours: NOW + timedelta(hours=hours))),
        )
        for _ in range(draw(st.integers(0, 3)))
    )


@st.composite
def applicants(draw: DrawFn) -> tuple[Requester, tuple[RelationshipTerms, ...]]:
    """Draw anybody with any relationships, or a clinician who cares for the person, or whose organisation does."""
    if draw(st.booleans()):
        return draw(requesters()), draw(relationships())
    organisation_id = draw(st.sampled_from(ORGANISATIONS))
    cares = RelationshipTerms(
        organisation_id=organisation_id,
        kind=draw(st.sampled_from(RelationshipKind)),
        from_date=date(2024, 1, 1),
        until_date=None,
        user_id=draw(st.sampled_from([None, USERS[0]])),
    )
    requester = a_requester(
        user_id=USERS[0], role=Role.CLINICIAN, organisation_id=organisation_id, purpose=PurposeOfUse.TREATMENT
    )
    return requester, tuple(draw(st.permutations([cares, *draw(relationships())])))


@st.composite
def requesters(draw: DrawFn) -> Requester:
    """Draw anybody who may come to a door."""
    return a_requester(
        user_id=draw(st.sampled_from([None, *USERS])),
        role=draw(st.sampled_from(Role)),
        organisation_id=draw(st.sampled_from([*ORGANISATIONS, None])),
        purpose=draw(st.sampled_from(PurposeOfUse)),
    )
