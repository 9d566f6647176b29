"""Appointments and recalls. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.details import Line
from aggregator.record.reading import Resource
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import text


def _lines(resource: Resource) -> Iterator[Line]:
    yield DetailLabel.WHEN, text(resource.get("start"))
    yield DetailLabel.ABOUT, text(resource.get("description"))


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
)

RULES = CategoryRules(
    category=RecordCategory.APPOINTMENTS,
    title="Appointments and recalls",
    many="appointments and recalls",
    place=130,
    types=(APPOINTMENT,),
)
