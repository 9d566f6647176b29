"""The codes and systems by which a FHIR Consent says what a policy says. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.consent.terms import BasePolicy

PRIVACY_SCOPE = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
CONSENT_CATEGORY = ("http://loinc.org", "59284-0")
IRCP = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ODS_SYSTEM = "https://fhir.nhs.uk/Id/ods-organization-code"
URI_SYSTEM = "urn:ietf:rfc:3986"
# Systems of this service, below its base.
CATEGORY, ROLE = "/record-category", "/role"
URI_OF_BASE: Mapping[BasePolicy, str] = {base: f"https://profiles.ihe.net/ITI/PCF/Policy-{base}" for base in BasePolicy}
BASE_OF_URI: Mapping[str, BasePolicy] = {uri: base for base, uri in URI_OF_BASE.items()}
PROFILES: Mapping[str, str] = {
    level: f"https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consent{level}"
    for level in ("Basic", "Intermediate", "Advanced")
}
BASIC_PURPOSES = frozenset({"TREAT", "HPAYMT", "HOPERAT", "BTG"})
ADVANCED_LABELS = frozenset({"R", "N", "ETH", "ETHUD", "OPIOIDUD", "PSY", "SEX", "HIV"})
