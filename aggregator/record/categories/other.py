"""Clinical content of a type that has no section of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.details import Line, all_lines, concept_texts
from aggregator.record.names import name_of
from aggregator.record.reading import concept_text
from aggregator.record.rules import AbsenceElements, AbsenceRules, CategoryRules, TypeRules
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mappings, text

NO_DEVICES = Absence(kind=AbsenceKind.NONE_KNOWN, about=RecordCategory.OTHER)


def _device(sent: Sent) -> Iterator[object]:
    """Yield what the device is called."""
    yield name_of(sent=sent, reference=sent.resource.get("device"))


DEVICE_USE = TypeRules(
    name="DeviceUseStatement", further_concepts=_device, lines=all_lines, absence=AbsenceElements(names=("device",))
)


def _adverse_lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    actuality = text(resource.get("actuality"))
    # Source: FHIR R4, AdverseEvent.actuality, a modifier: what might have happened did not.
    yield DetailLabel.STATUS, "Potential: it might have happened, and did not" if actuality == "potential" else ""
    yield DetailLabel.SEVERITY, concept_text(resource.get("severity"))
    yield DetailLabel.KIND, concept_texts([resource.get("seriousness"), *listed(resource.get("category"))])
    for suspect in mappings(listed(resource.get("suspectEntity"))):
        yield DetailLabel.SUBSTANCE, name_of(sent=sent, reference=suspect.get("instance"))
    yield DetailLabel.OUTCOME, concept_text(resource.get("outcome"))


ADVERSE_EVENT = TypeRules(
    name="AdverseEvent",
    about=("event", "category"),
    happened=("date", "detected"),
    lines=_adverse_lines,
    tells_status=True,
)

RULES = CategoryRules(
    category=RecordCategory.OTHER,
    title="Other",
    many="other content",
    place=150,
    types=(DEVICE_USE, ADVERSE_EVENT),
    # Only of devices is it said that there are none.
    absence=AbsenceRules(
        one="something that may be one",
        many="devices",
        noun=re.compile(r"devices?|implants?"),
        # Source: IPS 2.0; IPS 1.1, absent-unknown-uv-ips.
        codes={
            "787483001": NO_DEVICES,
            "no-known-devices": NO_DEVICES,
            "no-device-info": Absence(kind=AbsenceKind.NO_INFORMATION, about=RecordCategory.OTHER),
        },
    ),
)
