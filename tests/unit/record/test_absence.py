"""That there is nothing, or that nothing is known: by code, by words and by silence, in every category."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.absence_words import absence_in_words
from aggregator.record.standing import standing_of
from aggregator.record.stated_absence import ABSENCE_CODES, absence_of
from aggregator.record.timeline import Standing
from connectors.contract.categories import RecordCategory
from tests.factories import allergy, concept, condition, fact, immunisation, observation, order, procedure, statement

NONE, SOME, SILENT = AbsenceKind.NONE_KNOWN, AbsenceKind.NONE_OF_A_KIND, AbsenceKind.NO_INFORMATION
ALLERGIES, PROBLEMS, MEDICATIONS = RecordCategory.ALLERGIES, RecordCategory.PROBLEMS, RecordCategory.MEDICATIONS
IMMUNISATIONS, PROCEDURES = RecordCategory.IMMUNISATIONS, RecordCategory.PROCEDURES
IPS = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
NULL_FLAVOURS = ("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "http://hl7.org/fhir/v3/NullFlavor")
MAKERS: dict[RecordCategory, Any] = {
    ALLERGIES: allergy,
    PROBLEMS: condition,
    MEDICATIONS: statement,
    IMMUNISATIONS: immunisation,
    PROCEDURES: procedure,
}
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
SUBJECT = {MEDICATIONS: "medicationCodeableConcept", IMMUNISATIONS: "vaccineCode"}


def coded(about: RecordCategory, code: dict[str, Any]) -> dict[str, Any]:
    return MAKERS[about]() | {SUBJECT.get(about, "code"): code}


@pytest.mark.parametrize(
    ("about", "words"),
    [
        *((ALLERGIES, words) for words in ("No Known Allergies", "no known allergy", "NKA", "N.K.A.", "nil known")),
        *(
            (ALLERGIES, words)
            for words in ("None", "NONE KNOWN.", "Allergies: none known", "Allergy: nil", "no allergy")
        ),
        *((ALLERGIES, words) for words in ("No known alergies", "Denies any allergies", "no - known - allergies")),
        *(
            (ALLERGIES, words)
            for words in ("No knwon allergies", "No kown allergies", "No known allergies; none known")
        ),
        *((ALLERGIES, words) for words in ("No Known Allergies (situation)", "no known allergies to date")),
        *((ALLERGIES, words) for words in ("no known allergies / adverse reactions", "not allergic to anything")),
        *((ALLERGIES, words) for words in ("Patient has no known allergies", "NKA - no known allergies")),
        *((PROBLEMS, words) for words in ("No known problems", "No current problems or disability", "None")),
        *((PROBLEMS, words) for words in ("no active problems", "No past medical history")),
        *((MEDICATIONS, words) for words in ("No known medications", "Not on any medication", "nil regular meds")),
        *((IMMUNISATIONS, words) for words in ("No known immunizations", "no known immunisations")),
        *((PROCEDURES, words) for words in ("No known procedures", "no previous surgery")),
    ],
)
def test_words_may_say_that_there_is_none(about: RecordCategory, words: str) -> None:
    assert absence_in_words(words=words, about=about) == Absence(kind=NONE, about=about)
    found = fact(resource=coded(about, {"text": words}) | {"type": "allergy", "category": ["food"]})
    assert (found.standing, found.absence) == (Standing.NEGATED, Absence(kind=NONE, about=about))


@pytest.mark.parametrize(
    ("about", "words"),
    [
        *((ALLERGIES, words) for words in ("NKDA", "N.K.D.A.", "No known drug allergies", "No known latex allergy")),
        *((ALLERGIES, words) for words in ("No known allergy to penicillin", "no known drug or food allergies")),
        *((ALLERGIES, words) for words in ("No other known allergies", "not allergic to penicillin")),
        *((ALLERGIES, words) for words in ("NKLA", "No allergy to nuts that grow on trees in summer")),
        (ALLERGIES, "No known latex, rubber, plaster or nickel allergies"),
        *((PROBLEMS, words) for words in ("No history of asthma", "No evidence of malignancy", "no known asthma")),
    ],
)
def test_words_may_say_that_there_is_none_of_a_kind(about: RecordCategory, words: str) -> None:
    found = absence_in_words(words=words, about=about)
    assert found is not None
    assert (found.kind, found.about) == (SOME, about)
    assert fact(resource=coded(about, {"text": words})).standing is Standing.NEGATED


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("NKDA", "medication"),
        ("No known drug allergies", "medication"),
        ("No known food allergies", "food"),
        ("No known environmental allergies", "environment"),
        ("No known allergies or drug reactions", "medication"),
        ("No known drug or food allergies", ""),
        ("No known latex allergy", ""),
    ],
)
def test_words_may_say_of_which_kind_there_is_none(words: str, kind: str) -> None:
    assert absence_in_words(words=words, about=ALLERGIES) == Absence(kind=SOME, about=ALLERGIES, of=kind)


@pytest.mark.parametrize("about", MAKERS)
@pytest.mark.parametrize(
    "words",
    [
        *(
            "No information",
            "no information available",
            "Not asked",
            "not asked.",
            "UNKNOWN",
            "not known",
            "Not recorded",
        ),
        *(
            "None recorded",
            "Patient not asked",
            "N/A",
            "asked but unknown",
            "no data",
            "unable to obtain",
            "Not yet asked",
        ),
        *("declined to answer", "Information not available", "temporarily unknown"),
    ],
)
def test_words_may_say_that_nothing_is_known(about: RecordCategory, words: str) -> None:
    assert absence_in_words(words=words, about=about) == Absence(kind=SILENT, about=about)
    found = fact(resource=coded(about, {"text": words}))
    assert (found.standing, found.absence) == (Standing.NO_INFORMATION, Absence(kind=SILENT, about=about))


@pytest.mark.parametrize(
    ("about", "words"),
    [
        *(
            (ALLERGIES, words)
            for words in ("No information about allergies", "Allergies unknown", "Allergies not recorded")
        ),
        *(
            (ALLERGIES, words)
            for words in ("No allergies recorded", "Allergy status unknown", "Unable to assess allergies")
        ),
        *(
            (ALLERGIES, words)
            for words in ("No allergy information about latex", "Of allergies none recorded", "Unknown allergies")
        ),
        (PROBLEMS, "Unknown whether asthmatic"),
        *((PROBLEMS, words) for words in ("No information about problems", "Problems not known", "Never known")),
        (MEDICATIONS, "No information about medications"),
        (PROCEDURES, "No information about past history of procedures"),
        (IMMUNISATIONS, "Immunisation status unknown"),
    ],
)
def test_words_may_say_of_what_nothing_is_known(about: RecordCategory, words: str) -> None:
    assert absence_in_words(words=words, about=about) == Absence(kind=SILENT, about=about)


@pytest.mark.parametrize(
    ("about", "words"),
    [
        *(
            (ALLERGIES, words)
            for words in ("Penicillin", "Known allergies", "Unknown allergy", "Allergy to unknown drug")
        ),
        *((ALLERGIES, words) for words in ("No known allergies except penicillin", "no known allergies, penicillin")),
        *(
            (ALLERGIES, words)
            for words in ("No known drug allergies. Penicillin: rash", "Nut allergy - not known if severe")
        ),
        *((ALLERGIES, words) for words in ("Unknown penicillin allergies", "Reaction not recorded to penicillin")),
        *((ALLERGIES, words) for words in ("NSAIDs", "Nickel", "Latex allergy not confirmed", "Nonsteroidal")),
        *((ALLERGIES, words) for words in ("NKDA penicillin", "Penicillin, no allergy to nuts")),
        *(
            (ALLERGIES, words)
            for words in ("No latex allergy medicines", "No allergy to nuts that grow on trees in hot countries")
        ),
        *(
            (PROBLEMS, words)
            for words in ("Fever of unknown origin", "Non-insulin dependent diabetes", "History of asthma")
        ),
        *(
            (PROBLEMS, words)
            for words in ("No known cause of seizure", "Unable to walk", "Refused treatment", "No light perception")
        ),
        *((MEDICATIONS, words) for words in ("unknown medication", "Non-prescription drugs", "Zero sugar drink")),
        (ALLERGIES, "No latex, rubber, plaster, nickel or gold allergies"),
        (ALLERGIES, "no known allergies " + "and so on " * 20),
        (ALLERGIES, ""),
        (ALLERGIES, "?"),
    ],
)
def test_words_that_name_a_thing_are_a_claim(about: RecordCategory, words: str) -> None:
    assert absence_in_words(words=words, about=about) is None


def test_words_may_be_about_another_kind_of_content_than_their_own() -> None:
    denied = Absence(kind=NONE, about=MEDICATIONS)
    assert absence_in_words(words="No known medications", about=PROBLEMS) == denied
    assert fact(resource=coded(PROBLEMS, {"text": "No known medications"})).absence == denied


LOCAL = "https://practice.example/codes"


@pytest.mark.parametrize(
    "code",
    [
        concept(code="loc-1", display="None known", system=LOCAL),
        concept(code="", display="None known", system=LOCAL),
        concept(code="None known", system=LOCAL),
        concept(code="999999999", display="None known"),
        concept(code="loc-1", system=LOCAL, words="None known"),
        concept(code="999999999", display="Entry of another kind (record artifact)", words="None known"),
    ],
)
def test_what_names_nothing_leaves_it_to_the_words_beside_it(code: dict[str, Any]) -> None:
    found = fact(resource=coded(ALLERGIES, code))
    assert (found.standing, found.absence) == (Standing.NEGATED, Absence(kind=NONE, about=ALLERGIES))


@pytest.mark.parametrize(
    "code",
    [
        concept(code="loc-1", display="Penicillin", system=LOCAL, words="None known"),
        concept(code="999999999", words="None known"),
    ],
)
def test_a_coding_that_names_a_thing_is_a_claim_whatever_the_words_beside_it(code: dict[str, Any]) -> None:
    found = fact(resource=coded(ALLERGIES, code))
    assert (found.standing, found.absence) == (Standing.ACTIVE, None)


@pytest.mark.parametrize("words", ["", "-", "?"])
def test_a_dash_beside_an_empty_code_adds_nothing(words: str) -> None:
    empty = concept(code="UNK", system=NULL_FLAVOURS[0], words=words)
    assert standing_of(resource=coded(ALLERGIES, empty)) is Standing.NO_INFORMATION


def test_that_there_is_none_may_be_the_name_of_what_is_pointed_to() -> None:
    used = {"resourceType": "DeviceUseStatement", "status": "active", "device": {"display": "None known"}}
    found = fact(resource=used)
    assert (found.standing, found.absence) == (Standing.NEGATED, Absence(kind=NONE, about=RecordCategory.OTHER))


@pytest.mark.parametrize("code", [code for code in ABSENCE_CODES if ABSENCE_CODES[code].about in MAKERS])
@pytest.mark.parametrize("display", ["", "In another language: keine bekannt"])
def test_a_code_may_say_that_there_is_nothing_whatever_its_words(code: str, display: str) -> None:
    absent = ABSENCE_CODES[code]
    system = IPS if code.startswith("no-") else "http://snomed.info/sct"
    found = fact(resource=coded(absent.about, concept(code=code, display=display, system=system)))
    assert found.absence == absent
    assert found.standing is (Standing.NO_INFORMATION if absent.kind is SILENT else Standing.NEGATED)
    assert found.heading.startswith("No ")


@pytest.mark.parametrize("system", [*NULL_FLAVOURS, "http://terminology.hl7.org/CodeSystem/data-absent-reason", ""])
@pytest.mark.parametrize(
    "code", ["UNK", "NI", "NASK", "ASKU", "unknown", "not-asked", "asked-unknown", "asked-declined"]
)
@pytest.mark.parametrize("about", MAKERS)
def test_an_empty_code_alone_says_that_nothing_is_known(about: RecordCategory, code: str, system: str) -> None:
    found = fact(resource=coded(about, concept(code=code, display="Unknown", system=system)))
    assert (found.standing, found.concepts) == (Standing.NO_INFORMATION, frozenset())


@pytest.mark.parametrize("name", ["code", "_code"])
def test_an_element_that_says_only_why_it_is_empty_says_that_nothing_is_known(name: str) -> None:
    reason = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    unsaid = allergy()
    del unsaid["code"]
    assert standing_of(resource=unsaid | {name: {"extension": [reason]}}) is Standing.NO_INFORMATION
    for within in ({"coding": [{"_code": {"extension": [reason]}}]}, {"_text": {"extension": [reason]}}):
        assert standing_of(resource=unsaid | {"code": within}) is Standing.NO_INFORMATION
    assert standing_of(resource=unsaid) is Standing.ACTIVE


@pytest.mark.parametrize(
    "resource",
    [
        coded(ALLERGIES, concept(code="UNK", system=NULL_FLAVOURS[0]))
        | {"reaction": [{"manifestation": [{"text": "Rash"}]}]},
        coded(ALLERGIES, concept(code="716186003")) | {"reaction": [{"manifestation": [{"text": "Anaphylaxis"}]}]},
        coded(ALLERGIES, concept(code="716186003")) | {"reaction": [{"description": "Anaphylaxis"}]},
        coded(ALLERGIES, concept(code="UNK", system=NULL_FLAVOURS[0], words="Strawberries")),
        coded(
            ALLERGIES,
            {"coding": [{"system": "http://snomed.info/sct", "code": "91936005"}], "text": "No known allergies"},
        ),
        coded(ALLERGIES, concept(code="OTH", system=NULL_FLAVOURS[0])),
        coded(ALLERGIES, concept(code="MSK", system=NULL_FLAVOURS[0])),
        coded(ALLERGIES, concept(code="196461000000101")),
        coded(ALLERGIES, concept(code="196461000000101", words="No known allergies")),
        coded(ALLERGIES, concept(code="196471000000108", words="Latex")),
        coded(PROBLEMS, concept(code="UNK", system=NULL_FLAVOURS[0], words="Asthma")),
        coded(PROBLEMS, concept(code="716186003", words="Asthma")),
    ],
)
def test_what_tells_of_a_thing_beside_is_a_claim(resource: dict[str, Any]) -> None:
    assert absence_of(resource=resource) is None
    assert standing_of(resource=resource) is Standing.ACTIVE


def test_an_unknown_vaccine_that_was_given_on_a_day_was_given() -> None:
    for unknown in (concept(code="UNK", system=NULL_FLAVOURS[1]), {"text": "Unknown."}, {"text": "not recorded"}):
        vaccine = coded(IMMUNISATIONS, unknown)
        assert standing_of(resource=vaccine) is Standing.NO_INFORMATION
        assert standing_of(resource=vaccine | {"occurrenceDateTime": "2024-01-01"}) is Standing.PAST
    denied = coded(IMMUNISATIONS, {"text": "No known immunisations"})
    assert standing_of(resource=denied | {"occurrenceDateTime": "2024-01-01"}) is Standing.NEGATED


def test_a_vaccination_that_is_told_by_its_procedure_was_given() -> None:
    told = coded(IMMUNISATIONS, concept(code="UNK", system=NULL_FLAVOURS[1])) | {
        "extension": [
            {
                "url": "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-VaccinationProcedure",
                "valueCodeableConcept": concept(code="170378007", display="First hepatitis A vaccination"),
            }
        ]
    }
    assert fact(resource=told).standing is Standing.PAST


def test_the_only_words_may_stand_in_the_narrative_or_a_note() -> None:
    unsaid = allergy()
    del unsaid["code"]
    told = unsaid | {"text": {"status": "generated", "div": "<div><p>No known&#160;allergies</p></div>"}}
    assert standing_of(resource=told) is Standing.NEGATED
    assert standing_of(resource=unsaid | {"note": [{"text": "NKDA"}]}) is Standing.NEGATED
    assert standing_of(resource=unsaid | {"text": {"div": "<div>Penicillin</div>"}}) is Standing.ACTIVE


def test_no_known_medicines_may_be_said_of_a_medicine_elsewhere() -> None:
    pointing = statement(medicationReference={"reference": "Medication/m"})
    del pointing["medicationCodeableConcept"]
    nothing = {"resourceType": "Medication", "id": "m", "code": concept(code="no-known-medications", system=IPS)}
    assert fact(resource=pointing, others={"Medication/m": nothing}).standing is Standing.NEGATED
    for words in ("No known medications", "Aspirin"):
        worded = pointing | {"medicationReference": {"display": words}}
        assert fact(resource=worded).standing is (Standing.ACTIVE if words == "Aspirin" else Standing.NEGATED)


def test_no_known_medicines_may_be_said_of_a_medicine_within() -> None:
    nothing = concept(code="no-known-medications", system=IPS)
    containing = statement(
        contained=[
            {"resourceType": "Organization", "id": "o", "code": concept(code="1"), "name": "The Practice"},
            {"resourceType": "Medication", "id": "m", "code": nothing},
        ]
    )
    del containing["medicationCodeableConcept"]
    assert fact(resource=containing).standing is Standing.NEGATED


@pytest.mark.parametrize(
    "resource",
    [
        immunisation(notGiven=True),
        immunisation(wasNotGiven=True),
        procedure(notDone=True),
        procedure(notPerformed=True),
        statement(wasNotTaken=True),
        order(doNotPerform=True),
    ],
)
def test_older_flags_deny_as_well(resource: dict[str, Any]) -> None:
    assert standing_of(resource=resource) is Standing.NEGATED


@pytest.mark.parametrize(
    ("risk", "standing"),
    [("no-known-reaction-risk", Standing.NEGATED), ("known-reaction-risk", Standing.ACTIVE)],
)
def test_a_substance_known_to_cause_no_reaction_is_no_allergy(risk: str, standing: Standing) -> None:
    exposure = {
        "url": "http://hl7.org/fhir/StructureDefinition/allergyintolerance-substanceExposureRisk",
        "extension": [
            {"url": "substance", "valueCodeableConcept": {"text": "Latex"}},
            {"url": "exposureRisk", "valueCodeableConcept": {"coding": [{"code": risk}]}},
        ],
    }
    unsaid = allergy(extension=[exposure])
    del unsaid["code"]
    assert standing_of(resource=unsaid) is standing


def test_a_result_whose_code_is_empty_keeps_its_status() -> None:
    assert standing_of(resource=observation() | {"code": concept(code="UNK", system=NULL_FLAVOURS[0])}) is Standing.PAST


@pytest.mark.parametrize(
    ("said", "heading"),
    [
        ({"text": "No known allergies"}, "No known allergies"),
        ({"text": "No allergies"}, "No allergies"),
        ({"text": "No known allergies; none known"}, "No known allergies; none known"),
        ({"text": "NKDA"}, "NKDA"),
        (concept(code="UNK", system=NULL_FLAVOURS[0]), "No information about allergies: UNK"),
        ({"coding": [{"system": NULL_FLAVOURS[0]}], **ABSENT}, "No information about allergies"),
        ({"text": "None"}, "No known allergies: None"),
        ({"text": "unknown"}, "No information about allergies: unknown"),
        (concept(code="no-known-allergies", system=IPS), "No known allergies: no-known-allergies"),
        (concept(code="716186003", display="Sin alergias conocidas"), "No known allergies: Sin alergias conocidas"),
        (concept(code="409137002"), "No known allergies (medication): 409137002"),
    ],
)
def test_a_heading_says_what_is_absent_where_the_words_may_hide_it(said: dict[str, Any], heading: str) -> None:
    assert fact(resource=coded(ALLERGIES, said)).heading == heading


def test_the_heading_of_an_absence_names_what_its_codes_are_about() -> None:
    used = {"resourceType": "DeviceUseStatement", "status": "active", "device": concept(code="no-known-devices")}
    assert fact(resource=used).heading.startswith("No known devices")
