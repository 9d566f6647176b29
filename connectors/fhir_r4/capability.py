"""What a FHIR server says that it can do. Source: FHIR R4, CapabilityStatement."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from connectors.contract.categories import CLINICAL_CATEGORIES, OBSERVED_CATEGORIES, RecordCategory, category_of_type
from connectors.contract.errors import Malformed
from connectors.contract.outcomes import Reason
from fhir_data.access import JsonObject, listed, mappings, text, texts


@dataclass(frozen=True, kw_only=True)
class SearchableType:
    """A resource type to search by patient. `is_expected`: that it cannot be searched for is worth a word.

    `narrowed_by` is a further parameter and its value, of a search for some of them only.
    """

    name: str
    parameter: str  # `patient`, or `subject` where only that is declared
    provenance: bool  # _revinclude=Provenance:target
    includes: tuple[str, ...]  # _include of what supports it, such as MedicationRequest:medication
    is_expected: bool = True
    narrowed_by: tuple[str, str] | None = None

    @property
    def category(self) -> RecordCategory:
        return category_of_type(self.name) or RecordCategory.OTHER

    @property
    def fills(self) -> tuple[RecordCategory, ...]:
        """The categories that it may fill; each Observation says which of several is its."""
        return OBSERVED_CATEGORIES if self.name == "Observation" else (self.category,)


@dataclass(frozen=True, kw_only=True)
class ServerCapability:
    """What a server declares, as far as it concerns a patient's record.

    `everything`: Patient/{id}/$everything is declared. `types` are to be searched: those with a search by patient, and
    clinical ones declared without one, since what they hold would otherwise be passed over in silence. `holds` are the
    categories of the declared types. `release` is the FHIR version that it says it speaks, "" where it does not say.
    """

    everything: bool
    types: tuple[SearchableType, ...]
    holds: frozenset[RecordCategory] = frozenset(RecordCategory)
    release: str = ""

    @property
    def may_hold(self) -> frozenset[RecordCategory] | None:
        """The clinical categories of which the server may have content; None where its statement does not say.

        $everything gives what no type declares, and a type that is in no category of ours fills OTHER.
        """
        return None if self.everything else (self.holds & CLINICAL_CATEGORIES) | {RecordCategory.OTHER}

    @property
    def searchable(self) -> bool:
        """Whether any clinical type can be searched."""
        return any(declared.category.is_clinical for declared in self.types)


# Clinical types of the Patient compartment, all of which can be searched by `patient` but for some that only can by
# `subject`. Source: FHIR R4, CompartmentDefinition patient, and the search parameters of each type.
_COMPARTMENT_NAMES = (
    "AdverseEvent AllergyIntolerance Appointment AppointmentResponse Basic BodyStructure CarePlan CareTeam"
    " ClinicalImpression Communication CommunicationRequest Composition Condition Consent DetectedIssue DeviceRequest"
    " DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference Encounter EpisodeOfCare"
    " FamilyMemberHistory Flag Goal ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation List"
    " Media MedicationAdministration MedicationDispense MedicationRequest MedicationStatement MolecularSequence"
    " NutritionOrder Observation Procedure QuestionnaireResponse RequestGroup RiskAssessment ServiceRequest"
    " SupplyDelivery SupplyRequest Task VisionPrescription"
)
_COMPARTMENT = frozenset(_COMPARTMENT_NAMES.split())
_BY_SUBJECT = frozenset({"AdverseEvent", "SupplyRequest"})


def _usual_parameter(name: str, /) -> str:
    return "subject" if name in _BY_SUBJECT else "patient"


# What every server of records should have. Source: IHE QEDm, PCC-44 and the types of its options.
EXPECTED = frozenset(
    (
        "AllergyIntolerance CarePlan Condition DiagnosticReport DocumentReference Encounter Flag Immunization"
        " MedicationRequest MedicationStatement Observation Procedure ServiceRequest"
    ).split()
)
# A server that declares nothing is asked for all that may belong to a patient, what is expected of it first.
UNDECLARED = ServerCapability(
    everything=False,
    types=tuple(
        SearchableType(
            name=name,
            parameter=_usual_parameter(name),
            provenance=False,
            includes=(),
            is_expected=name in EXPECTED,
        )
        for name in sorted(_COMPARTMENT, key=lambda name: (name not in EXPECTED, name))
    ),
)
# Types with a `patient` parameter that are not part of a patient's record.
_NOT_RECORD = RecordCategory.BILLING.types | {"Patient", "Provenance", "AuditEvent", "Bundle", "Group", "Person"}

# Where a statement says that others hold what it does not say. Source: FHIR R4, CapabilityStatement.
_ELSEWHERE = ("instantiates", "imports")
# What is declared of a type, and counts here.
_DECLARED = ("interaction", "searchParam", "searchInclude", "searchRevInclude")
_OTHER_RELEASES = {"3.": Reason.SPEAKS_STU3, "5.": Reason.SPEAKS_R5}
# Why a server is not asked at all: what it says is not to be read as R4.
NOT_R4 = frozenset({*_OTHER_RELEASES.values(), Reason.OTHER_RELEASE})
# The release that a media type may name. Source: FHIR R4, RESTful API, "FHIR Version Parameter".
_PARAMETER = re.compile(r""";\s*fhirversion\s*=\s*"?([^";,\s]+)""", re.IGNORECASE)


def read_capability(*, statement: JsonObject) -> ServerCapability:
    """Read a CapabilityStatement. One that says of no release that it is its own is taken for one of R4.

    Raises: Malformed `not-fhir` when it is none; `speaks-stu3`, `speaks-r5` or `other-release` when it is not of R4.
    """
    said = statement.get("fhirVersion") or ""
    release = text(said).strip()
    if statement.get("resourceType") == "Conformance":  # what DSTU2 calls its statement
        raise Malformed(Reason.OTHER_RELEASE)
    if statement.get("resourceType") != "CapabilityStatement":
        raise Malformed(Reason.NOT_FHIR)
    if said:
        expect_r4(release=release)
    resources = [
        resource
        for rest in mappings(listed(statement.get("rest")))
        if rest.get("mode", "server") == "server"
        for resource in mappings(listed(rest.get("resource")))
    ]
    if not resources and any(statement.get(name) for name in _ELSEWHERE):
        return replace(UNDECLARED, release=release)  # what it can do stands in another statement
    operations = [
        operation
        for resource in resources
        if resource.get("type") == "Patient"
        for operation in mappings(resource.get("operation"))
    ]
    return ServerCapability(
        everything=any(_is_everything(operation) for operation in operations),
        types=tuple(_searchable(resources)),
        holds=_held_categories(text(resource.get("type")) for resource in resources),
        release=release,
    )


def expect_r4(*, release: str) -> None:
    """Raises: Malformed `speaks-stu3`, `speaks-r5` or `other-release` for a release that is neither R4 nor R4B."""
    if not release.startswith(("4.0", "4.3")):
        raise Malformed(_OTHER_RELEASES.get(release[:2], Reason.OTHER_RELEASE))


def expect_media_type_of_r4(*, media_type: str) -> None:
    """Raises: Malformed, as `expect_r4` does, for a media type that names another release; most name none."""
    if named := _PARAMETER.search(media_type):
        expect_r4(release=named[1])


def _held_categories(names: Iterable[str]) -> frozenset[RecordCategory]:
    """Return the categories that types may fill."""
    held: set[RecordCategory] = set()
    for name in names:
        category = category_of_type(name)
        held.update(OBSERVED_CATEGORIES if name == "Observation" else {category} if category else ())
    return frozenset(held)


def _is_everything(operation: JsonObject) -> bool:
    named = text(operation.get("name")) in ("everything", "$everything")
    definition = text(operation.get("definition")).partition("|")[0]  # without its version
    return named or definition.endswith("Patient-everything")


def _searchable(resources: Iterable[JsonObject]) -> Iterable[SearchableType]:
    """Return the types to search, each once, by all that is declared of it: a type may be declared more than once."""
    declared: dict[str, dict[str, list[Any]]] = {}
    for resource in resources:
        members = declared.setdefault(text(resource.get("type")), {name: [] for name in _DECLARED})
        for name, listing in members.items():
            listing.extend(listed(resource.get(name)))
    searchable = (_to_search({"type": name, **members}) for name, members in declared.items())
    return [each for each in searchable if each is not None]


def _to_search(resource: JsonObject) -> SearchableType | None:
    name = text(resource.get("type"))
    codes = {text(interaction.get("code")) for interaction in mappings(resource.get("interaction"))}
    parameters = {text(parameter.get("name")) for parameter in mappings(resource.get("searchParam"))}
    parameter = next((wanted for wanted in ("patient", "subject") if wanted in parameters), "")
    declared = "search-type" in codes and parameter
    if not (declared or name in _COMPARTMENT) or name in _NOT_RECORD or not name.isalpha():
        return None
    return SearchableType(
        name=name,
        parameter=parameter or _usual_parameter(name),
        provenance="Provenance:target" in texts(resource.get("searchRevInclude")),
        includes=tuple(
            include
            for include in dict.fromkeys(texts(resource.get("searchInclude")))
            if _is_supporting(include=include, name=name)
        ),
    )


# Search parameters that lead to what supports a record, in any type that has them.
_SUPPORTING_NAMES = (
    "medication performer requester location organization practitioner service-provider author recorder asserter"
    " participant device specimen manufacturer custodian"
)
_SUPPORTING = frozenset(_SUPPORTING_NAMES.split())


def _is_supporting(*, include: str, name: str) -> bool:
    of, _, parameter = include.partition(":")
    return of == name and parameter in _SUPPORTING
