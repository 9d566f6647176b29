"""What FHIR R4 resource types are called in a sentence for people. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "AllergyIntolerance": "allergies",
    "AppointmentResponse": "replies to appointments",
    "Condition": "problems and diagnoses",
    "DeviceUseStatement": "devices in use",
    "DiagnosticReport": "test reports",
    "DocumentReference": "documents",
    "Encounter": "contacts",
    "EpisodeOfCare": "episodes of care",
    "FamilyMemberHistory": "family history",
    "Flag": "alerts",
    "ImagingStudy": "imaging studies",
    "Immunization": "immunisations",
    "ImmunizationEvaluation": "immunisation evaluations",
    "ImmunizationRecommendation": "immunisation recommendations",
    "Media": "photographs and recordings",
    "MedicationAdministration": "medicines given",
    "MedicationDispense": "medicines dispensed",
    "MedicationRequest": "prescriptions",
    "MedicationStatement": "medicines taken",
    "Observation": "observations and test results",
    "QuestionnaireResponse": "completed questionnaires",
    "ServiceRequest": "referrals and requests",
}
_WORD = re.compile(r"[A-Z][a-z]*")


def type_words(*, name: str) -> str:
    """Return what the resources of a type are called; one without words here is spelt out ("care plan records")."""
    return _WORDS.get(name) or f"{' '.join(_WORD.findall(name)).lower() or 'other'} records"
