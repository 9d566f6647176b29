"""Referrals, diary entries, test requests and other requests, STU3 -> R4. Pure.

Source: FHIR R4, ServiceRequest, "R3 Diff", and the R3-R4 differences of each type; UK Core, ServiceRequest.
"""

from __future__ import annotations

from connectors.gp_connect.translation.elements import Resource, append, recode, rename, requester

# Source: FHIR R4, request-status and event-status, against STU3's.
REQUEST_STATUSES = {"suspended": "on-hold", "cancelled": "revoked"}
_EVENT_STATUSES = {"suspended": "on-hold", "aborted": "stopped"}


def procedure_request(resource: Resource, notes: list[str], /) -> None:
    """A diary entry or a test request."""
    _service_request(resource=resource, notes=notes)


def referral_request(resource: Resource, notes: list[str], /) -> None:
    """What is asked for is the code; more of it are its details. The letter's summary is the first note."""
    rename(resource=resource, old="groupIdentifier", new="requisition")
    rename(resource=resource, old="specialty", new="performerType")
    rename(resource=resource, old="recipient", new="performer")
    if "type" in resource:
        append(resource=resource, name="category", values=[resource.pop("type")])
    wanted = resource.pop("serviceRequested", [])
    if wanted and "code" not in resource:
        resource["code"], *wanted = wanted
    append(resource=resource, name="orderDetail", values=wanted)
    if isinstance(description := resource.pop("description", None), str):
        resource["note"] = [{"text": description}, *resource.get("note", [])]
    _service_request(resource=resource, notes=notes)


def _service_request(*, resource: Resource, notes: list[str]) -> None:
    kind = resource["resourceType"]
    recode(resource=resource, notes=notes, path=kind, name="status", codes=REQUEST_STATUSES)
    rename(resource=resource, old="context", new="encounter")
    requester(resource=resource, notes=notes)
    resource["resourceType"] = "ServiceRequest"


def request(resource: Resource, notes: list[str], /) -> None:
    """CommunicationRequest, DeviceRequest and RequestGroup: what requests have in common."""
    kind = resource["resourceType"]
    recode(resource=resource, notes=notes, path=kind, name="status", codes=REQUEST_STATUSES)
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="topic", new="about")
    if isinstance(resource.get("requester"), dict) and "agent" in resource["requester"]:
        requester(resource=resource, notes=notes)
    _reason(resource)


def device_request(resource: Resource, notes: list[str], /) -> None:
    """What was a concept is a code."""
    codings = resource.get("intent", {}).get("coding", []) if isinstance(resource.get("intent"), dict) else []
    if codings and isinstance(codings[0].get("code"), str):
        resource["intent"] = codings[0]["code"]
        notes.append("DeviceRequest.intent: its code alone")
    request(resource, notes)


def task(resource: Resource, notes: list[str], /) -> None:
    """A task says who asked for it, and why."""
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="reason", new="reasonCode")
    rename(resource=resource, old="definitionUri", new="instantiatesUri")
    requester(resource=resource, notes=notes)


def supply_request(resource: Resource, notes: list[str], /) -> None:
    """The ordered item is no longer a part of its own."""
    if isinstance(ordered := resource.pop("orderedItem", None), dict):
        for name in ("quantity", "itemCodeableConcept", "itemReference"):
            if name in ordered:
                resource[name] = ordered.pop(name)
        notes.extend(f"SupplyRequest.orderedItem.{name}" for name in ordered)
    requester(resource=resource, notes=notes)
    _reason(resource)


def _reason(resource: Resource, /) -> None:
    if "reasonCodeableConcept" in resource:
        append(resource=resource, name="reasonCode", values=[resource.pop("reasonCodeableConcept")])


def nutrition_order(resource: Resource, notes: list[str], /) -> None:
    """How far an order has got was a part of its status; R4 says it by the intent."""
    sent = resource.get("status")
    if sent in ("proposed", "planned", "requested"):
        resource.setdefault("intent", {"proposed": "proposal", "planned": "plan", "requested": "order"}[sent])
    codes = {**REQUEST_STATUSES, "proposed": "draft", "planned": "active", "requested": "active"}
    recode(resource=resource, notes=notes, path="NutritionOrder", name="status", codes=codes)


def event_status(*, resource: Resource, notes: list[str]) -> None:
    """Write the status of something that happened as R4 calls it."""
    recode(resource=resource, notes=notes, path=resource["resourceType"], name="status", codes=_EVENT_STATUSES)
