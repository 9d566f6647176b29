"""Routes of the FHIR door.

What it does and how a client gets its token is told to everybody; everything else needs a signed-in user or a token.
"""

from __future__ import annotations

from django.urls import path, re_path

from aggregator.api.fhir.audit_events import AuditEvents, AuditEventSearch
from aggregator.api.fhir.consents import Consents, ConsentSearch, OneConsent
from aggregator.api.fhir.metadata import Metadata
from aggregator.api.fhir.operations import OPERATIONS
from aggregator.api.fhir.patients import OnePatient, Patients, PatientSearch
from aggregator.api.fhir.retrieval_status import RetrievalStatus
from aggregator.api.fhir.smart_configuration import SmartConfiguration
from aggregator.api.fhir.view import Unknown

urlpatterns = [
    path("metadata", Metadata.as_view(), name="fhir-metadata"),
    path(".well-known/smart-configuration", SmartConfiguration.as_view(), name="fhir-smart-configuration"),
    *(path(operation.route, operation.view.as_view(), name=operation.route_name) for operation in OPERATIONS),
    path("AuditEvent", AuditEvents.as_view(), name="fhir-audit-events"),
    path("AuditEvent/_search", AuditEventSearch.as_view(), name="fhir-audit-event-search"),
    path("Consent", Consents.as_view(), name="fhir-consents"),
    path("Consent/_search", ConsentSearch.as_view(), name="fhir-consent-search"),
    path("Consent/<str:resource_id>", OneConsent.as_view(), name="fhir-consent"),
    path("Patient", Patients.as_view(), name="fhir-patients"),
    path("Patient/_search", PatientSearch.as_view(), name="fhir-patient-search"),
    path("Patient/<str:resource_id>", OnePatient.as_view(), name="fhir-patient"),
    path("retrievals/<str:retrieval_id>", RetrievalStatus.as_view(), name="fhir-retrieval"),
    re_path(r".*", Unknown.as_view(), name="fhir-unknown"),
]
