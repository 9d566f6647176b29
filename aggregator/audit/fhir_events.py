"""Events of the trail as FHIR AuditEvents. Pure.

Source: FHIR R4 AuditEvent; IHE Basic Audit Log Patterns (agents, entities, purposes); DICOM PS3.16, audit event IDs and
types; ISO 21089 lifecycle. Nothing of what was shown is in an event, so nothing of it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aggregator.accounts.ends import Ends
from aggregator.audit.events import Action, EventOutcome
from aggregator.audit.looked_for import TrailEvent

DCM = "http://dicom.nema.org/resources/ontology/DCM"
REST = "http://hl7.org/fhir/restful-interaction"
EVENT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
ROLE_CLASS = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
ODS_CODE = "https://fhir.nhs.uk/Id/ods-organization-code"
PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
# A user's, client's and role's own identifiers of this service.
OWN = "urn:longview"

OUTCOMES: Mapping[str, str] = {EventOutcome.SUCCESS: "0", EventOutcome.REFUSED: "4", EventOutcome.FAILED: "8"}
# What is read, searched for and signed into; all else writes. Of the rest the action's own code tells it apart.
READS = {
    Action.CHECK_CLIENT, Action.CHECK_PROGRESS, Action.EXPORT_AUDIT, Action.FETCH_DOCUMENT, Action.OPEN_RECORD,
    Action.REPORT_ACCESS, Action.VIEW_RECORD,
    *(action for action in Action if action.value.startswith(("read-", "prepare-", "preview-"))),
}  # fmt: skip
SEARCHES = {
    Action.FIND_AUDIT_EVENTS, Action.FIND_PERSON, Action.SEARCH_AUDIT,
    *(action for action in Action if action.value.startswith("list-")),
}  # fmt: skip
# Source: DICOM PS3.16, audit event types; FHIR's example of breaking the glass. That half an hour is over is no event.
ALERT = {"system": DCM, "code": "110113", "display": "Security Alert"}
STARTED = {"system": DCM, "code": "110127", "display": "Emergency Override Started"}
STOPPED = {"system": DCM, "code": "110138", "display": "Emergency Override Stopped"}
SIGNS = {Action.SIGN_IN: ("110122", "Login"), Action.SIGN_OUT: ("110123", "Logout")}


def alert_of(*, action: str, detail: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return which alert an event is: that emergency access starts, or stops, by whatever act. None: it is none."""
    if action == Action.OPEN_BREAK_GLASS:
        return STARTED
    is_end = action == Action.END_BREAK_GLASS or detail.get("end-of") == Ends.BREAK_GLASS
    return STOPPED if is_end else None


def audit_event(*, event: TrailEvent, base: str) -> dict[str, Any]:
    """Return an event as an AuditEvent; `base` is the address of the FHIR door, for the Patient that it is about."""
    kind, subtype, act = _kind(event)
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(event.seq),
        "type": kind,
        "subtype": [subtype, {"system": f"{OWN}:action", "code": event.action}],
        "action": act,
        "recorded": event.at.isoformat(),
        "outcome": OUTCOMES[event.outcome],
        "purposeOfEvent": [{"coding": [{"system": ACT_REASON, "code": event.purpose}]}],
        "agent": _agents(event),
        "source": {
            "observer": {"display": "Longview"},
            "type": [{"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4"}],
        },
        "entity": _entities(event, base=base),
    }
    if event.outcome != EventOutcome.SUCCESS and (code := event.detail.get("code")):
        resource["outcomeDesc"] = str(code)
    if event.person_id and event.action in READS:
        resource["meta"] = {"profile": [f"{PROFILE}PatientRead"]}
    return {name: value for name, value in resource.items() if value}


def _kind(event: TrailEvent) -> tuple[Mapping[str, str], Mapping[str, str], str]:
    """Return the type, subtype and action of an event."""
    action = event.action
    if alert := alert_of(action=action, detail=event.detail):
        return ALERT, alert, "E"
    if action in SIGNS:
        code, display = SIGNS[Action(action)]
        return (
            {"system": DCM, "code": "110114", "display": "User Authentication"},
            {"system": DCM, "code": code, "display": display},
            "E",
        )
    rest = {"system": EVENT_TYPE, "code": "rest", "display": "RESTful Operation"}
    if action in SEARCHES:
        return rest, {"system": REST, "code": "search-type"}, "E"
    if action in READS:
        return rest, {"system": REST, "code": "read"}, "R"
    return rest, {"system": REST, "code": "create"}, "C"


def _agents(event: TrailEvent) -> list[dict[str, Any]]:
    """Return who acted, for which organisation, and this service, which recorded it."""
    who = event.user_id or event.client_id
    kind = "client" if event.client_id else "user"
    acting: dict[str, Any] = {
        "type": {"coding": [{"system": PARTICIPATION, "code": "IRCP", "display": "information recipient"}]},
        "role": [{"coding": [{"system": f"{OWN}:role", "code": event.role}]}],
        "who": {"identifier": {"system": f"{OWN}:{kind}", "value": str(who)}} if who else {"display": event.role},
        "requestor": True,
        "purposeOfUse": [{"coding": [{"system": ACT_REASON, "code": event.purpose}]}],
    }
    if event.client_id:
        acting["type"] = {"coding": [{"system": DCM, "code": "110153", "display": "Source Role ID"}]}
    agents = [acting]
    if event.organisation_ods:
        agents.append(
            {
                "type": {"coding": [{"system": ROLE_CLASS, "code": "PROV", "display": "healthcare provider"}]},
                "who": {"identifier": {"system": ODS_CODE, "value": event.organisation_ods}},
                "requestor": False,
            }
        )
    agents.append(
        {
            "type": {"coding": [{"system": DCM, "code": "110152", "display": "Destination Role ID"}]},
            "who": {"display": "Longview"},
            "requestor": False,
        }
    )
    return agents


def _entities(event: TrailEvent, *, base: str) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = []
    if event.person_id:
        entities.append(
            {
                "what": {"reference": f"{base}/Patient/{event.person_id}"},
                "type": {"system": ENTITY_TYPE, "code": "1", "display": "Person"},
                "role": {"system": OBJECT_ROLE, "code": "1", "display": "Patient"},
            }
        )
    if access_id := _emergency(event):
        entity: dict[str, Any] = {
            "what": {"identifier": {"system": f"{OWN}:break-glass", "value": access_id}},
            "type": {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
            "role": {"system": OBJECT_ROLE, "code": "4", "display": "Domain Resource"},
        }
        if reason := event.detail.get("reason"):
            entity["detail"] = [{"type": "reason", "valueString": str(reason)}]
        entities.append(entity)
    entities.extend(
        {
            "what": {"identifier": {"system": f"{OWN}:{name}", "value": str(value)}},
            "type": {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
            "role": {"system": OBJECT_ROLE, "code": "4", "display": "Domain Resource"},
        }
        for name, value in (("retrieval", event.retrieval_id), ("source", event.source_id), ("entry", event.entry))
        if value
    )
    return entities


def _emergency(event: TrailEvent) -> str:
    """Return the id of the emergency access by which something is done, or which ends; "" for none."""
    ended = event.detail.get("id") if event.detail.get("end-of") == Ends.BREAK_GLASS else None
    return str(event.detail.get("break_glass") or ended or "")
