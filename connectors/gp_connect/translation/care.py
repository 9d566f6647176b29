"""Contacts, care and everything else that happened or is planned, STU3 -> R4. Pure.

Source: FHIR R4, the R3-R4 differences of each type; UK Core, Encounter and Procedure.
"""

from __future__ import annotations

from connectors.gp_connect.translation.elements import (
    TERMINOLOGY,
    Resource,
    append,
    concept,
    not_done,
    recode,
    rename,
)
from connectors.gp_connect.translation.requests import REQUEST_STATUSES, event_status
from fhir_data.access import mappings


def encounter(resource: Resource, notes: list[str], /) -> None:
    """A referral that led to a contact is what it is based on."""
    rename(resource=resource, old="reason", new="reasonCode")
    rename(resource=resource, old="incomingReferral", new="basedOn")
    for diagnosis in mappings(resource.get("diagnosis")):
        rename(resource=diagnosis, old="role", new="use")


def procedure(resource: Resource, notes: list[str], /) -> None:
    """What was not done must never look done."""
    rename(resource=resource, old="context", new="encounter")
    event_status(resource=resource, notes=notes)
    not_done(resource=resource, notes=notes, flag="notDone", status="not-done")
    rename(resource=resource, old="notDoneReason", new="statusReason")
    for performer in mappings(resource.get("performer")):
        rename(resource=performer, old="role", new="function")


def family_history(resource: Resource, notes: list[str], /) -> None:
    """A history that could not be taken says so by its status."""
    not_done(resource=resource, notes=notes, flag="notDone", status="health-unknown")
    rename(resource=resource, old="notDoneReason", new="dataAbsentReason")
    if isinstance(gender := resource.get("gender"), str):
        resource["sex"] = concept(system="http://hl7.org/fhir/administrative-gender", code=gender)
        del resource["gender"]


def care_plan(resource: Resource, notes: list[str], /) -> None:
    """R4 has one author, and others who contributed."""
    rename(resource=resource, old="context", new="encounter")
    recode(resource=resource, notes=notes, path="CarePlan", name="status", codes=REQUEST_STATUSES)
    authors = mappings(resource.pop("author", None))
    if authors:
        resource["author"], *others = authors
        append(resource=resource, name="contributor", values=others)
    for activity in mappings(resource.get("activity")):
        detail = activity.get("detail")
        if isinstance(detail, dict):
            rename(resource=detail, old="prohibited", new="doNotPerform")


def communication(resource: Resource, notes: list[str], /) -> None:
    """What a message is about is not its topic in R4."""
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="topic", new="about")
    event_status(resource=resource, notes=notes)
    not_done(resource=resource, notes=notes, flag="notDone", status="not-done")
    if "notDoneReason" in resource:
        resource["statusReason"] = resource.pop("notDoneReason")


# Source: FHIR R4, Goal, lifecycleStatus and achievementStatus.
_LIFECYCLE = {
    "in-progress": "active",
    "on-target": "active",
    "ahead-of-target": "active",
    "behind-target": "active",
    "sustaining": "active",
    "achieved": "completed",
}
_ACHIEVEMENT = {
    "in-progress": "in-progress",
    "on-target": "in-progress",
    "ahead-of-target": "improving",
    "behind-target": "worsening",
    "sustaining": "sustaining",
    "achieved": "achieved",
}


def goal(resource: Resource, notes: list[str], /) -> None:
    """How far a goal has got, and how well, were one status. What was sent stays in the words."""
    sent = resource.pop("status", None)
    if not isinstance(sent, str):
        return
    resource["lifecycleStatus"] = _LIFECYCLE.get(sent, sent)
    if sent in _ACHIEVEMENT:
        achieved = concept(system=f"{TERMINOLOGY}goal-achievement", code=_ACHIEVEMENT[sent])
        resource["achievementStatus"] = {**achieved, "text": sent}


def detected_issue(resource: Resource, notes: list[str], /) -> None:
    """What kind of issue it is is its code."""
    rename(resource=resource, old="category", new="code")
    rename(resource=resource, old="date", new="identifiedDateTime")


def risk_assessment(resource: Resource, notes: list[str], /) -> None:
    """A comment is a note."""
    rename(resource=resource, old="context", new="encounter")
    if "reasonCodeableConcept" in resource:
        append(resource=resource, name="reasonCode", values=[resource.pop("reasonCodeableConcept")])
    if isinstance(comment := resource.pop("comment", None), str):
        append(resource=resource, name="note", values=[{"text": comment}])


def clinical_impression(resource: Resource, notes: list[str], /) -> None:
    """A draft is in progress."""
    rename(resource=resource, old="context", new="encounter")
    codes = {"draft": "in-progress"}
    recode(resource=resource, notes=notes, path="ClinicalImpression", name="status", codes=codes)


def adverse_event(resource: Resource, notes: list[str], /) -> None:
    """Whether it happened or might have was its category; what happened is an event."""
    actuality = {"AE": "actual", "PAE": "potential"}.get(str(resource.get("category")))
    if actuality:
        resource["actuality"] = actuality
        notes.append("AdverseEvent.category: carried as the actuality")
        del resource["category"]
    rename(resource=resource, old="type", new="event")
    rename(resource=resource, old="reaction", new="resultingCondition")
    if isinstance(words := resource.get("description"), str):
        event = resource.setdefault("event", {})
        if "text" not in event:
            event["text"] = words
            del resource["description"]


def appointment(resource: Resource, notes: list[str], /) -> None:
    """Why it was made, and by which referral."""
    rename(resource=resource, old="reason", new="reasonCode")
    rename(resource=resource, old="indication", new="reasonReference")
    rename(resource=resource, old="incomingReferral", new="basedOn")


def charge_item(resource: Resource, notes: list[str], /) -> None:
    """Who did what is charged for."""
    rename(resource=resource, old="participant", new="performer")
    for performer in mappings(resource.get("performer")):
        rename(resource=performer, old="role", new="function")


def audit_event(resource: Resource, notes: list[str], /) -> None:
    """Who did it and to what are references alone in R4."""
    for agent in mappings(resource.get("agent")):
        rename(resource=agent, old="reference", new="who")
    for entity in mappings(resource.get("entity")):
        rename(resource=entity, old="reference", new="what")
        for detail in mappings(entity.get("detail")):
            rename(resource=detail, old="value", new="valueBase64Binary")


def device_use(resource: Resource, notes: list[str], /) -> None:
    """When and why a device was used."""
    rename(resource=resource, old="indication", new="reasonCode")
    if not any(name.lstrip("_").startswith("timing") for name in resource):
        rename(resource=resource, old="whenUsed", new="timingPeriod")
