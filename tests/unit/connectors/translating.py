"""What the tests of the translation have in common."""

from __future__ import annotations

import copy
from typing import Any

from connectors.gp_connect.translate import Translation, translate
from fhir_data.releases import Release
from fhir_data.verdict import RefusedEntry, judge

PATIENT = {"reference": "Patient/p1"}
CARE_CONNECT = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-"
UK_CORE = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-"


def made(kind: str, /, **members: Any) -> Translation:
    """Translate, and check that what goes in stays as it is and what comes out is R4."""
    sent = {"resourceType": kind, "id": "x1", **members}
    before = copy.deepcopy(sent)
    assert not isinstance(judge(resource=sent, release=Release.STU3), RefusedEntry)
    translation = translate(resource=sent)
    assert sent == before
    assert not isinstance(judge(resource=translation.resource, release=Release.R4), RefusedEntry)
    return translation
