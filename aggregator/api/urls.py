"""Routes of the FHIR door. `metadata` is open to all, everything else needs a sign-in."""

from __future__ import annotations

from django.urls import path, re_path

from aggregator.api import views

urlpatterns = [
    path("metadata", views.Metadata.as_view(), name="fhir-metadata"),
    path("Patient/<str:person_id>/$everything", views.Everything.as_view(), name="fhir-everything"),
    path("retrievals/<str:retrieval_id>", views.RetrievalStatus.as_view(), name="fhir-retrieval"),
    re_path(r".*", views.Unknown.as_view(), name="fhir-unknown"),
]
