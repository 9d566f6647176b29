"""`Consent`: create, read, search by patient, and withdraw by an update to `inactive`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.fhir.authentication import requester_of
from aggregator.api.fhir.consent_reading import parts, places_of, read_consent_resource, read_resource
from aggregator.api.fhir.consent_writing import consent_resource, consents_bundle, version_of
from aggregator.api.fhir.view import FhirView, given_once, read_id
from aggregator.errors import Invalid, VersionMismatch
from aggregator.services.end_policy import end_policy
from aggregator.services.policy_lines import PolicyLine
from aggregator.services.read_consent import read_consent
from aggregator.services.read_policy import read_policy
from aggregator.services.record_policy import record_policy

WITHDRAWN = "Withdrawn at the FHIR interface."
SEARCH_PARAMETERS = frozenset({"patient", "status"})


class ConsentView(FhirView):
    """What the routes of Consent have in common."""

    def answer(self, line: PolicyLine, *, status: int = 200) -> Response:
        """Return a Consent with its version."""
        resource = consent_resource(line=line, base=self.base, now=timezone.now())
        location = f"{self.base}/Consent/{resource['id']}/_history/{resource['meta']['versionId']}"
        headers = {"ETag": f'W/"{resource["meta"]["versionId"]}"'}
        return Response(
            resource, status=status, headers={**headers, "Location": location} if status == 201 else headers
        )

    def found(self, request: Request, parameters: Mapping[str, str]) -> Response:
        """Return the Consents of one patient.

        Raises: Invalid for any other search.
        """
        if set(parameters) - SEARCH_PARAMETERS or "patient" not in parameters:
            raise Invalid("Search by patient, and by status if you like; nothing else is supported.", code="parameters")
        status = parameters.get("status", "")
        if status not in {"", "active", "inactive"}:
            raise Invalid("The status must be active or inactive.", code="parameters")
        person_id = read_id(parameters["patient"].removeprefix(f"{self.base}/").removeprefix("Patient/"))
        now = timezone.now()
        view = read_consent(requester=requester_of(request), person_id=person_id, now=now)
        lines = [*(view.in_force if status != "inactive" else ()), *(view.ended if status != "active" else ())]
        query = urlencode({"patient": f"Patient/{person_id}", **({"status": status} if status else {})})
        return Response(
            consents_bundle(
                resources=[consent_resource(line=line, base=self.base, now=now) for line in lines],
                base=self.base,
                link=f"{self.base}/Consent?{query}",
            )
        )


class Consents(ConsentView):
    """Creates a Consent, and searches for those of a patient."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: Request) -> Response:
        """Return the Consents that a search finds."""
        return self.found(request, given_once(self.parameters_of(request)))

    def post(self, request: Request) -> Response:
        """Record a Consent that is active."""
        if self.parameters_of(request) or "If-None-Exist" in request.headers:
            raise Invalid("A conditional create is not supported.", code="parameters")
        sent = read_consent_resource(
            body=self.body_of(request), base=self.base, organisation_ods=requester_of(request).organisation_ods
        )
        if "id" in sent.resource or sent.status != "active":
            raise Invalid("Create a Consent without an id, and active.", field="Consent.status")
        try:
            policy_id = record_policy(
                requester=requester_of(request),
                person_id=sent.person_id,
                terms=sent.terms,
                note=sent.note,
                sent=dict(parts(sent.resource)),
                now=timezone.now(),
            )
        except Invalid as error:
            if error.code == "policy":
                error.field = places_of(field=error.field)
            raise
        line = read_policy(requester=requester_of(request), policy_id=policy_id, now=timezone.now())
        return self.answer(line, status=201)


class ConsentSearch(ConsentView):
    """The search by POST, which keeps who is searched for out of addresses."""

    http_method_names = ["post"]

    def post(self, request: Request) -> Response:
        """Return the Consents that a search finds."""
        return self.found(request, given_once(self.form_of(request)))


class OneConsent(ConsentView):
    """Reads a Consent, and withdraws it."""

    http_method_names = ["get", "head", "put"]

    def get(self, request: Request, resource_id: str) -> Response:
        """Return a Consent, in force or not."""
        if self.parameters_of(request):
            raise Invalid("A read takes no parameters.", code="parameters")
        line = read_policy(requester=requester_of(request), policy_id=read_id(resource_id), now=timezone.now())
        return self.answer(line)

    def put(self, request: Request, resource_id: str) -> Response:
        """Withdraw a Consent: the only update that there is."""
        if self.parameters_of(request):
            raise Invalid("A conditional update is not supported.", code="parameters")
        sent, policy_id = read_resource(body=self.body_of(request)), read_id(resource_id)
        requester, now = requester_of(request), timezone.now()
        line = read_policy(requester=requester, policy_id=policy_id, now=now)
        wanted = request.headers.get("If-Match")
        if wanted is not None and wanted != f'W/"{version_of(is_over=line.policy.is_over(now))}"':
            raise VersionMismatch("This Consent has changed since you read it.")
        current = consent_resource(line=line, base=self.base, now=now)
        if sent.get("id") != current["id"] or dict(parts(sent)) != dict(parts(current)):
            raise Invalid(
                "A Consent cannot be changed. Withdraw it by sending what you read with the status inactive, and "
                "create another.",
                field="Consent",
            )
        if sent.get("status") != "inactive":
            raise Invalid("The only update is to withdraw: send the status inactive.", field="Consent.status")
        end_policy(requester=requester, policy_id=policy_id, note=WITHDRAWN, now=now)
        return self.answer(read_policy(requester=requester, policy_id=policy_id, now=timezone.now()))
