"""`Patient`: read, and search by id, by NHS number, or by surname and date of birth. Source: IHE PDQm, ITI-78.

An address may be logged on its way. Only an id may stand in one: everything else is searched for by POST.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.accounts.requester import Requester
from aggregator.api.fhir.authentication import requester_of
from aggregator.api.fhir.patient_resource import patient_known_as, patients_bundle
from aggregator.api.fhir.view import FhirView, given_once, read_id
from aggregator.errors import Invalid
from aggregator.services.find_person import PeopleFound, find_person
from aggregator.services.read_person import read_person
from fhir_data.identifiers import is_nhs_number_system

BY_FORM_ALONE = frozenset({"identifier", "family", "given", "birthdate"})
_DAY = re.compile(r"(?:eq)?(\d{4}-\d{2}-\d{2})", re.ASCII)
# By which FHIR tells several values, and the parts of one, apart. Source: FHIR R4 Search, "Escaping Search Parameters".
_SEPARATOR = re.compile(r"[,$|\\]")


class Patients(FhirView):
    """The search by GET."""

    http_method_names = ["get", "head"]

    def get(self, request: Request) -> Response:
        """Return the Patient that has an id."""
        parameters = self.parameters_of(request)
        if BY_FORM_ALONE & {name.partition(":")[0] for name in parameters}:
            raise Invalid(
                "Search by POST to Patient/_search: an NHS number, a name or a date of birth must not stand in an "
                "address, which may be logged on its way.",
                code="parameters",
            )
        return self.found(request, given_once(parameters))

    def found(self, request: Request, parameters: Mapping[str, str]) -> Response:
        """Return the Patients that a search finds.

        Raises: Invalid for a search that is not supported.
        """
        people = _found(requester_of(request), parameters, now=timezone.now())
        asked_id = UUID(parameters["_id"]) if "_id" in parameters else None
        return Response(patients_bundle(found=people, asked_id=asked_id, base=self.base))


class PatientSearch(Patients):
    """The search by POST, which keeps who is searched for out of addresses."""

    http_method_names = ["post"]

    def post(self, request: Request) -> Response:
        """Return the Patients that a search finds."""
        return self.found(request, given_once(self.form_of(request)))


class OnePatient(FhirView):
    """Reads a Patient."""

    http_method_names = ["get", "head"]

    def get(self, request: Request, resource_id: str) -> Response:
        """Return a Patient; of one who was joined to another, who that is."""
        if self.parameters_of(request):
            raise Invalid("A read takes no parameters.", code="parameters")
        person_id = read_id(resource_id)
        person = read_person(requester=requester_of(request), person_id=person_id, now=timezone.now())
        return Response(patient_known_as(person=person, asked_id=person_id, base=self.base))


def _found(requester: Requester, parameters: Mapping[str, str], /, *, now: datetime) -> PeopleFound:
    match sorted(parameters):
        case ["_id"]:
            return find_person(requester=requester, person_id=_id(parameters["_id"]), now=now)
        case ["identifier"]:
            return find_person(requester=requester, nhs_number=_number(parameters["identifier"]), now=now)
        case ["birthdate", "family"] | ["birthdate", "family", "given"]:
            return find_person(
                requester=requester,
                family=_text(parameters["family"]),
                given=_text(parameters.get("given", "")),
                birth_date=_day(parameters["birthdate"]),
                now=now,
            )
        case _:
            raise Invalid(
                "Search by _id; or by identifier, an NHS number with its system; or by family and birthdate, and given "
                "if you like. Nothing else is supported.",
                code="parameters",
            )


def _id(text: str, /) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("_id must be the id of a Patient of this service.", code="parameters") from None


def _number(token: str, /) -> str:
    system, separator, value = token.partition("|")
    if not separator or not is_nhs_number_system(system) or not value.strip():
        raise Invalid(
            "identifier must be an NHS number with its system: https://fhir.nhs.uk/Id/nhs-number|number.",
            code="parameters",
        )
    return value


def _text(value: str, /) -> str:
    if _SEPARATOR.search(value):
        raise Invalid("Give one family and one given name, without a comma, $, | or backslash.", code="parameters")
    return value


def _day(text: str, /) -> date:
    day = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(day[1] if day else "")
    except ValueError:
        raise Invalid("birthdate must be a whole date, as in 1980-08-14.", code="parameters") from None
