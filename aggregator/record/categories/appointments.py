"""Appointments and recalls. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.details import Line, concept_texts
from aggregator.record.names import names_of
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mapping, mappings, text
from fhir_data.references import looks_like_a_patient


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    yield DetailLabel.WHEN, text(resource.get("start"))
    yield DetailLabel.ABOUT, text(resource.get("description"))
    actors = (participant.get("actor") for participant in mappings(listed(resource.get("participant"))))
    yield DetailLabel.BY, names_of(sent=sent, references=[actor for actor in actors if not _is_patient(actor)])
    yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    yield DetailLabel.NOTE, text(resource.get("comment"))


def _is_patient(actor: object) -> bool:
    return looks_like_a_patient(reference=text(mapping(actor).get("reference")))


APPOINTMENT = TypeRules(
    name="Appointment",
    about=("appointmentType", "serviceType", "description"),
    happened=("start",),
    statuses={
        "booked": Standing.ACTIVE,
        "arrived": Standing.ACTIVE,
        "fulfilled": Standing.PAST,
        "cancelled": Standing.NEGATED,
        "noshow": Standing.NEGATED,
    },
    negation="Did not take place",
    lines=_lines,
    reads_first=("status", "appointmentType", "serviceType", "start", "end", "description", "participant"),
)

RULES = CategoryRules(
    category=RecordCategory.APPOINTMENTS,
    title="Appointments and recalls",
    many="appointments and recalls",
    place=130,
    types=(APPOINTMENT,),
    is_planned=True,
)
