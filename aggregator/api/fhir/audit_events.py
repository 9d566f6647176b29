"""`AuditEvent`: search by patient, agent, date and type. Source: IHE Basic Audit Log Patterns; FHIR R4 search."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.fhir.authentication import requester_of
from aggregator.api.fhir.view import FhirView
from aggregator.errors import Invalid
from aggregator.services.audit.find_audit_events import find_audit_events

PARAMETERS = frozenset({"patient", "agent", "date", "type", "_count", "before"})
# That emergency access starts or ends. Source: DICOM PS3.16, Security Alert.
ALERT = frozenset({"110113", "http://dicom.nema.org/resources/ontology/DCM|110113"})
PAGE_SIZE, MOST_PER_PAGE = 50, 200
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_DATE = re.compile(r"(ge|lt)(\d{4}-\d{2}-\d{2})(T.+)?", re.ASCII)


class AuditEvents(FhirView):
    """The search by GET: by ids alone, since an address may be logged."""

    http_method_names = ["get"]

    def get(self, request: Request) -> Response:
        """Return the events that a search finds, the most recent first."""
        return self.found(request, self.parameters_of(request))

    def found(self, request: Request, parameters: Mapping[str, list[str]]) -> Response:
        """Return a page of events.

        Raises: Invalid for a parameter that is not supported, or not as FHIR has it.
        """
        if set(parameters) - PARAMETERS or any(len(given) > 1 for name, given in parameters.items() if name != "date"):
            raise _unsupported()
        from_at, until_at = _bounds(parameters.get("date", []))
        count = min(_number(parameters, "_count") or PAGE_SIZE, MOST_PER_PAGE)
        page = find_audit_events(
            requester=requester_of(request),
            person_id=_id(parameters, "patient", of="Patient/"),
            user_id=_id(parameters, "agent", of=""),
            from_at=from_at,
            until_at=until_at,
            is_alert=_is_alert(parameters),
            before=_number(parameters, "before"),
            count=count,
            base=self.base,
        )
        asked = {**parameters, **_formats(request)}
        links = [{"relation": "self", "url": self._address(asked)}]
        if page.before is not None:
            links.append({"relation": "next", "url": self._address({**asked, "before": [str(page.before)]})})
        return Response(
            {
                "resourceType": "Bundle",
                "type": "searchset",
                "link": links,
                "entry": [
                    {
                        "fullUrl": f"{self.base}/AuditEvent/{resource['id']}",
                        "resource": resource,
                        "search": {"mode": "match"},
                    }
                    for resource in page.resources
                ],
            }
        )

    def _address(self, parameters: Mapping[str, list[str]]) -> str:
        return f"{self.base}/AuditEvent?{urlencode(parameters, doseq=True)}".rstrip("?")


class AuditEventSearch(AuditEvents):
    """The search by POST."""

    http_method_names = ["post"]

    def post(self, request: Request) -> Response:
        """Return the events that a search finds, the most recent first."""
        return self.found(request, self.form_of(request))


def _formats(request: Request) -> dict[str, list[str]]:
    """Return the format that a search asks for, so that its next page comes in it whatever the header takes."""
    parameters = request.query_params if request.method == "GET" else request._request.POST
    named = [name for name in parameters.getlist("_format") if name.strip()]
    return {"_format": named} if named else {}


def _unsupported() -> Invalid:
    return Invalid(
        "Search by patient and agent (an id each), date (ge and lt), the type 110113 (security alerts), and _count; "
        "nothing else is supported.",
        code="parameters",
    )


def _id(parameters: Mapping[str, list[str]], name: str, *, of: str) -> UUID | None:
    text = parameters.get(name, [""])[0].removeprefix(of)
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise _unsupported() from None


def _is_alert(parameters: Mapping[str, list[str]], /) -> bool:
    text = parameters.get("type", [""])[0]
    if text and text not in ALERT:
        raise _unsupported()
    return bool(text)


def _number(parameters: Mapping[str, list[str]], name: str) -> int | None:
    text = parameters.get(name, [""])[0]
    if text and not _NUMBER.fullmatch(text):
        raise _unsupported()
    return int(text) if text else None


def _bounds(dates: Iterable[str], /) -> tuple[datetime | None, datetime | None]:
    """Return from when and before when; a day is a British one."""
    bounds: dict[str, datetime] = {}
    for given in dates:
        match = _DATE.fullmatch(given)
        if match is None or match[1] in bounds:
            raise _unsupported()
        try:
            moment = datetime.fromisoformat(f"{match[2]}{match[3] or 'T00:00'}")
        except ValueError:
            raise _unsupported() from None
        bounds[match[1]] = moment if moment.tzinfo else moment.replace(tzinfo=timezone.get_default_timezone())
    return bounds.get("ge"), bounds.get("lt")
