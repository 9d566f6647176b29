"""Referrals, and other requests for a service: tests, and what is planned. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aggregator.record.details import Line, concept_texts, note_line, specimen_lines
from aggregator.record.names import name_of, names_of
from aggregator.record.parts import SentPart
from aggregator.record.reading import concept_text, period_text
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mapping, mappings, text

# Source: FHIR R4, request-priority and request-status.
PRIORITY_WORDS: Mapping[str, str] = {
    "routine": "Routine",
    "urgent": "Urgent",
    "asap": "As soon as possible",
    "stat": "Immediate",
}
STATUS_WORDS: Mapping[str, str] = {
    "draft": "Draft",
    "active": "Active",
    "on-hold": "On hold",
    "revoked": "Cancelled",
    "completed": "Completed",
    "unknown": "Not known",
}
# What the heading of a request to refer, and of what is planned, is taken from where it names no service.
_NAMING = ("reasonCode", "orderDetail", "category")


def _asked_for(sent: Sent) -> Iterator[object]:
    """Yield what is asked for where no `code` says it: practices code the referral as its reason."""
    if not concept_text(sent.resource.get("code")):
        for element in _NAMING:
            yield from mappings(listed(sent.resource.get(element)))


def _due(sent: Sent) -> str:
    """Return when what is planned should be done; of a referral or a test, its date is no such promise."""
    if sent.item.category is not RecordCategory.APPOINTMENTS:
        return ""
    period = mapping(sent.resource.get("occurrencePeriod"))
    return text(sent.resource.get("occurrenceDateTime")) or text(period.get("end")) or text(period.get("start"))


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    priority, status = text(resource.get("priority")), text(resource.get("status"))
    is_planned = sent.item.category is RecordCategory.APPOINTMENTS
    yield DetailLabel.PRIORITY, PRIORITY_WORDS.get(priority, priority)
    yield DetailLabel.STATUS, STATUS_WORDS.get(status, status) if not is_planned or status != "active" else ""
    if concept_text(resource.get("code")) or len(listed(resource.get("reasonCode"))) > 1:
        yield DetailLabel.REASON, concept_texts(resource.get("reasonCode"))
    yield DetailLabel.ABOUT, concept_texts(resource.get("orderDetail"))
    yield DetailLabel.SITE, concept_texts(resource.get("bodySite"))
    yield DetailLabel.BY if is_planned else DetailLabel.TO, names_of(sent=sent, references=resource.get("performer"))
    yield DetailLabel.SPECIALTY, concept_texts(resource.get("performerType"))
    yield DetailLabel.REQUESTED_BY, name_of(sent=sent, reference=resource.get("requester"))
    yield DetailLabel.RECORDED if is_planned else DetailLabel.SENT, text(resource.get("authoredOn"))
    # When a plan is due, its date says; a period is told whole.
    yield DetailLabel.WHEN, text(resource.get("occurrenceDateTime")) if not is_planned else ""
    yield DetailLabel.DUE if is_planned else DetailLabel.WHEN, period_text(resource.get("occurrencePeriod"))
    yield from specimen_lines(sent)
    yield DetailLabel.INSTRUCTION, text(resource.get("patientInstruction"))
    yield note_line(resource)


def _parts(sent: Sent) -> Iterator[SentPart]:
    """Yield what a request was made for, and what goes with it."""
    for element, heading in (("reasonReference", "Reason"), ("supportingInfo", "Sent with it")):
        pointers = mappings(listed(sent.resource.get(element)))
        parts = [SentPart(reference=reference) for pointer in pointers if (reference := text(pointer.get("reference")))]
        if parts:
            yield SentPart(heading=heading, parts=tuple(parts))


SERVICE_REQUEST = TypeRules(
    name="ServiceRequest",
    further_concepts=_asked_for,
    happened=("occurrenceDateTime", "occurrencePeriod.start", "authoredOn"),
    statuses={
        "active": Standing.ACTIVE,
        "on-hold": Standing.ACTIVE,
        "completed": Standing.PAST,
        "revoked": Standing.PAST,
    },
    negation="Do not do",
    lines=_lines,
    tells_status=True,
    due=_due,
    parts=_parts,
    reads_first=(
        *("status", "intent", "priority", "code", "reasonCode", "occurrenceDateTime", "authoredOn", "performer"),
        *("performerType", "requester", "note"),
    ),
)

RULES = CategoryRules(
    category=RecordCategory.REFERRALS,
    title="Referrals",
    many="referrals",
    place=120,
    types=(SERVICE_REQUEST,),
)
