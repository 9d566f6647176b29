"""Routes of the FHIR door. `metadata` is open to everybody, everything else needs a signed-in user."""

from __future__ import annotations

from django.urls import path, re_path

from aggregator.api.fhir.consents import Consents, ConsentSearch, OneConsent
from aggregator.api.fhir.metadata import Metadata
from aggregator.api.fhir.operations import OPERATIONS
from aggregator.api.fhir.retrieval_status import RetrievalStatus
from aggregator.api.fhir.view import Unknown

urlpatterns = [
    path("metadata", Metadata.as_view(), name="fhir-metadata"),
    *(path(operation.route, operation.view.as_view(), name=operation.route_name) for operation in OPERATIONS),
    path("Consent", Consents.as_view(), name="fhir-consents"),
    path("Consent/_search", ConsentSearch.as_view(), name="fhir-consent-search"),
    path("Consent/<str:resource_id>", OneConsent.as_view(), name="fhir-consent"),
    path("retrievals/<str:retrieval_id>", RetrievalStatus.as_view(), name="fhir-retrieval"),
    re_path(r".*", Unknown.as_view(), name="fhir-unknown"),
]
