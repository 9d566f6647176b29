"""What each point of GP Connect asks of a practice, and what the answer shows."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connectors.contract.conformance import Finding
from connectors.contract.errors import NoCredentials, SourceError
from connectors.examining import (
    FHIR_JSON,
    Untestable,
    as_counts,
    counted,
    encrypted,
    judge_resources,
    judged,
    media_type,
    met,
    missed,
    object_in,
    packed,
    resources_in,
    type_in,
    words_of,
)
from connectors.gp_connect.conformance.practice import (
    NEW_PARAMETER,
    NOBODYS_NUMBER,
    WRONG_NUMBER,
    Practice,
    of_type,
    question,
)
from connectors.gp_connect.errors import KNOWN_CODES, outcome_in, spine_codes
from connectors.gp_connect.lists import ENDED_ALLERGIES, PRIMARY, primary_code
from connectors.gp_connect.request import AREAS, DOCUMENT_INTERACTION, OPERATION, area_words
from connectors.transport.client import Answer
from fhir_data.access import listed, mapping, mappings, text, texts
from fhir_data.identifiers import NHS_NUMBER_SYSTEM, identifiers_of
from fhir_data.references import likely_name, text_of_reference
from fhir_data.releases import Release

SSP_HEADERS = ("Ssp-TraceID", "Ssp-From", "Ssp-To", "Ssp-InteractionID")
HOUR_S = 3600
PROFILE = "https://fhir.nhs.uk/STU3/StructureDefinition/GPConnect-StructuredRecord-Bundle-1"
OTHER_SYSTEM = "https://fhir.nhs.uk/Id/local-patient-identifier"
# What a practice records of a patient, and names so that it is known again.
CLINICAL_TYPES = frozenset(
    (
        "AllergyIntolerance Condition DiagnosticReport DocumentReference Encounter Immunization MedicationRequest"
        " MedicationStatement Observation ProcedureRequest ReferralRequest"
    ).split()
)
_WHOSE = ("patient", "subject")
# The List that answers each area; that of ended allergies stands beside another.
LIST_OF_AREA: Mapping[str, str] = {
    area: code
    for area, categories in AREAS.items()
    for code, category in PRIMARY.items()
    if category in categories and code != ENDED_ALLERGIES
}


# What it says of itself


async def has_statement(practice: Practice) -> Finding:
    """A statement comes."""
    try:
        answer = await practice.metadata()
    except NoCredentials:
        raise
    except SourceError as error:
        return missed(words_of(error))
    is_there = answer.status == 200 and type_in(answer) == "CapabilityStatement"
    return judged(is_there, f"status {answer.status}" + ("" if is_there else ", and no CapabilityStatement"))


async def _statement(practice: Practice) -> Mapping[str, Any]:
    try:
        answer = await practice.metadata()
    except SourceError as error:
        raise Untestable(f"it has no capability statement ({words_of(error)})") from None
    if answer.status != 200 or type_in(answer) != "CapabilityStatement":
        raise Untestable("it has no capability statement")
    return object_in(answer.body)


async def is_encrypted(practice: Practice) -> Finding:
    """The connection is encrypted, and the certificate accepted; behind the Spine Secure Proxy that is the proxy's."""
    return await encrypted(base=practice.source.options.get("ssp_url") or practice.base, ask=practice.metadata)


async def speaks_stu3(practice: Practice) -> Finding:
    """The release is 3.0.1 or a correction of it."""
    said = text((await _statement(practice)).get("fhirVersion"))
    return judged(said in ("3.0.1", "3.0.2"), f"it says {said}" if said in ("3.0.1", "3.0.2") else "it says another")


async def declares_operation(practice: Practice) -> Finding:
    """The operation is declared."""
    names = [
        text(operation.get("name")).removeprefix("$")
        for rest in mappings(listed((await _statement(practice)).get("rest")))
        for operation in mappings(listed(rest.get("operation")))
    ]
    return judged(OPERATION.partition("$")[2] in names, f"it declares {counted(len(names), 'operation')}")


async def packs(practice: Practice) -> Finding:
    """The record of the test patient comes as gzip; where none was named, the statement."""
    has_record = practice.examination.patient is not None and practice.examination.asker is not None
    return packed((await practice.record())[1] if has_record else await practice.metadata())


# What it refuses


def refusal(answer: Answer, /, *, status: int, codes: Collection[str]) -> Finding:
    """Say whether an answer refuses with a status and one of these Spine codes."""
    said = spine_codes(issues=(outcome_in(answer.body) or {}).get("issue"))
    known = [code if code in KNOWN_CODES else "another code" for code in dict.fromkeys(said)]
    evidence = f"status {answer.status}, {' and '.join(known) or 'no Spine code'}"
    return judged(answer.status == status and not set(codes).isdisjoint(said), evidence)


async def needs_token(practice: Practice) -> Finding:
    """Without a token nothing is given."""
    answer = await practice.ask(question(practice.number_or_nobodys), without="Authorization")
    return refusal(answer, status=400, codes={"BAD_REQUEST"})


async def needs_token_in_force(practice: Practice) -> Finding:
    """With a token that expired most of an hour ago nothing is given."""
    answer = await practice.ask(question(practice.number_or_nobodys), age_s=HOUR_S)
    return refusal(answer, status=400, codes={"BAD_REQUEST"})


async def needs_headers(practice: Practice) -> Finding:
    """Without one of the headers of the Spine nothing is given."""
    findings = {
        name: refusal(
            await practice.ask(question(practice.number_or_nobodys), without=name), status=400, codes={"BAD_REQUEST"}
        )
        for name in SSP_HEADERS
    }
    wrong = {name: found.evidence for name, found in findings.items() if found != met(found.evidence)}
    if wrong:
        return missed("; ".join(f"without {name}: {evidence}" for name, evidence in wrong.items()))
    return met(f"status 400, BAD_REQUEST without each of {len(SSP_HEADERS)}")


async def needs_interaction(practice: Practice) -> Finding:
    """With the id of another interaction nothing is given, by the practice or the proxy before it."""
    answer = await practice.ask(question(practice.number_or_nobodys), interaction=DOCUMENT_INTERACTION)
    by_practice = refusal(answer, status=400, codes={"BAD_REQUEST"})
    by_proxy = refusal(answer, status=403, codes={"PARTYKEY_INTERACTION_CHECK_FAILED", "ASID_CHECK_FAILED"})
    return by_proxy if answer.status == 403 else by_practice


async def refuses_wrong_number(practice: Practice) -> Finding:
    """A number with a wrong check digit is none."""
    answer = await practice.ask(question(WRONG_NUMBER))
    return refusal(answer, status=400, codes={"INVALID_NHS_NUMBER"})


async def refuses_other_system(practice: Practice) -> Finding:
    """A number of another system is no NHS number."""
    answer = await practice.ask(question(NOBODYS_NUMBER, system=OTHER_SYSTEM))
    return refusal(answer, status=400, codes={"INVALID_IDENTIFIER_SYSTEM"})


async def refuses_nobody(practice: Practice) -> Finding:
    """A request must name somebody."""
    answer = await practice.ask(question("", names_patient=False))
    return refusal(answer, status=422, codes={"INVALID_PARAMETER"})


async def does_not_find_nobody(practice: Practice) -> Finding:
    """A number that nobody bears is not found."""
    answer = await practice.ask(question(NOBODYS_NUMBER))
    if answer.status == 200:
        raise Untestable("somebody there bears the number that is thought to be nobody's")
    return refusal(answer, status=404, codes={"PATIENT_NOT_FOUND"})


async def _refuses_parameters(practice: Practice, parameter: Mapping[str, Any], /, *, code: str) -> Finding:
    answer = await practice.ask(question(practice.number_or_nobodys, parameter))
    if answer.status == 404 and practice.examination.patient is None:
        raise Untestable("it looked for the patient first, and none was named (--patient)")
    return refusal(answer, status=422, codes={code})


async def needs_part(practice: Practice) -> Finding:
    """What must be said of allergies must be said."""
    return await _refuses_parameters(practice, {"name": "includeAllergies"}, code="INVALID_PARAMETER")


async def refuses_both_parts(practice: Practice) -> Finding:
    """Consultations are narrowed in one way."""
    period = {"name": "consultationSearchPeriod", "valuePeriod": {"start": "2020-01-01"}}
    number = {"name": "includeNumberOfMostRecent", "valueInteger": 1}
    parameter = {"name": "includeConsultations", "part": [period, number]}
    return await _refuses_parameters(practice, parameter, code="INVALID_RESOURCE")


async def withholds(practice: Practice) -> Finding:
    """Nothing is given of who dissents."""
    answer = await practice.ask(question(practice.withheld_number))
    return refusal(answer, status=403, codes={"NO_PATIENT_CONSENT"})


# What it gives


async def gives_record(practice: Practice) -> Finding:
    """A Bundle of GP Connect's profile comes."""
    _, answer = await practice.record()
    bundle = object_in(answer.body)
    if answer.status != 200 or bundle.get("resourceType") != "Bundle":
        return missed(f"status {answer.status}, and no Bundle")
    is_collection = bundle.get("type") == "collection"
    has_profile = PROFILE in texts(mapping(bundle.get("meta")).get("profile"))
    kind, profile = "a" if is_collection else "not a", "with" if has_profile else "without"
    return judged(is_collection and has_profile, f"status 200, {kind} collection, {profile} the profile")


async def says_fhir_json(practice: Practice) -> Finding:
    """The media type of its statement and, where one was named, of the test patient's record is FHIR's."""
    answers = [await practice.metadata()]
    if practice.examination.patient is not None and practice.examination.asker is not None:
        answers.append((await practice.record())[1])
    answers = [answer for answer in answers if object_in(answer.body)]
    if not answers:
        raise Untestable("nothing came as JSON")
    others = sum(media_type(answer) != FHIR_JSON for answer in answers)
    return judged(not others, f"{others} of {counted(len(answers), 'answer')} called something else")


async def forbids_copies(practice: Practice) -> Finding:
    """Nobody on the way may keep a copy."""
    _, answer = await practice.record()
    has_word = "no-store" in answer.headers.get("cache-control", "").lower()
    return judged(has_word, f"status {answer.status}, no-store is {'' if has_word else 'not '}said")


async def repeats_trace_id(practice: Practice) -> Finding:
    """The Bundle can be told from others by what we called the request."""
    trace_id, answer = await practice.record()
    bundle = object_in(answer.body)
    if answer.status != 200 or bundle.get("resourceType") != "Bundle":
        raise Untestable(f"the record of the test patient did not come (status {answer.status})")
    is_same = bundle.get("id") == trace_id
    return judged(is_same, f"the Bundle's id is {'the trace id' if is_same else 'another, or none'}")


async def is_about_patient(practice: Practice) -> Finding:
    """One Patient, who was asked for."""
    patients = of_type(await practice.resources(), "Patient")
    bearers = sum((NHS_NUMBER_SYSTEM, practice.number) in identifiers_of(patient) for patient in patients)
    return judged(len(patients) == bearers == 1, f"{counted(len(patients), 'Patient')}, {bearers} with the number")


async def _primary_lists(practice: Practice) -> dict[str, Mapping[str, Any]]:
    lists = of_type(await practice.resources(), "List")
    return {code: each for each in lists if (code := primary_code(resource=each))}


async def answers_areas(practice: Practice) -> Finding:
    """Each area has its List, or the reason why there is none."""
    found = await _primary_lists(practice)
    outcomes = json.dumps(of_type(await practice.resources(), "OperationOutcome"))
    lacking = [area for area, code in LIST_OF_AREA.items() if code not in found and area not in outcomes]
    if lacking:
        words = ", ".join(area_words(area=area) for area in lacking)
        return missed(f"{len(lacking)} of {len(LIST_OF_AREA)} areas have neither: {words}")
    excused = sum(code not in found for code in LIST_OF_AREA.values())
    return met(f"{len(LIST_OF_AREA) - excused} areas have their List, {excused} an OperationOutcome")


async def lists_in_force(practice: Practice) -> Finding:
    """The primary Lists say that they are in force."""
    found = await _primary_lists(practice)
    if not found:
        raise Untestable("there is no primary List")
    others = sum((each.get("status"), each.get("mode")) != ("current", "snapshot") for each in found.values())
    return judged(not others, f"{others} of {counted(len(found), 'primary List')} no current snapshot")


async def says_that_lists_are_empty(practice: Practice) -> Finding:
    """A primary List without entries says so."""
    empty = [each for each in (await _primary_lists(practice)).values() if not each.get("entry")]
    if not empty:
        raise Untestable("no primary List of the test patient is empty")
    silent = sum(not _says_empty(each) for each in empty)
    return judged(not silent, f"{silent} of {counted(len(empty), 'empty primary List')} without a word of it")


def _says_empty(resource: Mapping[str, Any], /) -> bool:
    codes = {text(coding.get("code")) for coding in mappings(mapping(resource.get("emptyReason")).get("coding"))}
    return "no-content-recorded" in codes and any(text(note.get("text")) for note in mappings(resource.get("note")))


async def says_what_it_does_not_know(practice: Practice) -> Finding:
    """A parameter of a later version costs nothing but itself."""
    answer = await practice.ask(question(practice.number, {"name": NEW_PARAMETER}))
    if answer.status != 200:
        return missed(f"status {answer.status}")
    entries = mappings(object_in(answer.body).get("entry"))
    outcomes = of_type([mapping(entry.get("resource")) for entry in entries], "OperationOutcome")
    has_word = any(_is_not_supported(each) for each in outcomes)
    return judged(has_word, f"status 200, {'with' if has_word else 'without'} an OperationOutcome that says so")


def _is_not_supported(outcome: Mapping[str, Any], /) -> bool:
    issues = mappings(outcome.get("issue"))
    is_code = any(text(issue.get("code")) == "not-supported" for issue in issues)
    return is_code or "NOT_IMPLEMENTED" in spine_codes(issues=issues)


async def is_about_nobody_else(practice: Practice) -> Finding:
    """Each entry that says whose it is names the Bundle's own Patient."""
    resources = await practice.resources()
    own = {text(patient.get("id")).casefold() for patient in of_type(resources, "Patient")}
    said: list[bool] = []
    for resource in resources:
        references = [text_of_reference(mapping(resource.get(member))) for member in _WHOSE]
        names = [likely_name(reference=each) for each in references if each]
        said += [name.id in own for name in names if name.kind == "patient"]
    if not said:
        raise Untestable("no entry says whose it is")
    others = said.count(False)
    return judged(not others, f"{others} of {counted(len(said), 'entry', 'entries')} about another Patient")


async def names_entries(practice: Practice) -> Finding:
    """Each clinical entry can be known again."""
    return named_entries(await practice.resources())


def named_entries(resources: Sequence[Mapping[str, Any]], /) -> Finding:
    """Say whether every clinical entry has an identifier.

    Raises: Untestable where there is no clinical entry.
    """
    clinical = [each for each in resources if text(each.get("resourceType")) in CLINICAL_TYPES]
    if not clinical:
        raise Untestable("no clinical entry came")
    lacking: dict[str, int] = {}
    for each in clinical:
        if not any(text(one.get("system")) and text(one.get("value")) for one in mappings(each.get("identifier"))):
            name = text(each.get("resourceType"))
            lacking[name] = lacking.get(name, 0) + 1
    if lacking:
        return missed(f"{sum(lacking.values())} of {len(clinical)} have none: {as_counts(lacking)}")
    return met(f"{counted(len(clinical), 'clinical entry', 'clinical entries')}, each with an identifier")


async def gives_sound_entries(practice: Practice) -> Finding:
    """All that came is as the standard says."""
    await practice.resources()
    _, answer = await practice.record()
    return judge_resources(resources_in(answer), release=Release.STU3)
