"""Results of investigations, STU3 -> R4. Pure.

Source: FHIR R4, the R3-R4 differences of each type; UK Core, Observation, DiagnosticReport and Specimen.
"""

from __future__ import annotations

from connectors.gp_connect.translation.elements import TERMINOLOGY, Resource, append, concept, is_with_role, rename
from fhir_data.access import mapping, mappings, text
from fhir_data.references import relative_name, split_absolute, without_version

# The relations that R4 still has, and to which types. Source: FHIR R4, Observation, hasMember and derivedFrom.
_RELATIONS = {
    "has-member": ("hasMember", frozenset({"Observation", "QuestionnaireResponse"})),
    "derived-from": (
        "derivedFrom",
        frozenset({"Observation", "QuestionnaireResponse", "DocumentReference", "ImagingStudy", "Media"}),
    ),
}
_LOST_RELATIONS = frozenset({*_RELATIONS, "sequel-to", "replaces", "qualified-by", "interfered-by"})


def observation(resource: Resource, notes: list[str], /) -> None:
    """A group names its members in `hasMember`; a relation that R4 lacks is named."""
    rename(resource=resource, old="context", new="encounter")
    comment = resource.pop("comment", None)
    if comment is not None:
        append(resource=resource, name="note", values=[{"text": comment}])
    for related in mappings(resource.pop("related", None)):
        kind = related.pop("type", None)
        target = mapping(related.get("target"))
        name, allowed = _RELATIONS.get(text(kind), ("", frozenset[str]()))
        if name and target and _kind_of(text(target.get("reference"))) in {"", *allowed}:
            append(resource=resource, name=name, values=[related.pop("target")])
            notes.append(f"Observation.related.type: carried as {name}")
            notes.extend(f"Observation.related.{member}" for member in related)
        else:
            called = kind if kind in _LOST_RELATIONS else "one of no known type" if kind else "one of no type"
            notes.append(f"Observation.related: {called}, which R4 does not have")


def _kind_of(reference: str, /) -> str:
    """Return the type that a reference names; "" for one that names none, such as a `urn:uuid:`."""
    bare = without_version(reference=reference)
    name = relative_name(reference=bare) or split_absolute(reference=bare)[1]
    return name.partition("/")[0]


def diagnostic_report(resource: Resource, notes: list[str], /) -> None:
    """Who did what for a report R4 does not say; the performers stay."""
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="codedDiagnosis", new="conclusionCode")
    performers = mappings(resource.pop("performer", None))
    for performer in performers:
        if not is_with_role(performer, names=("actor", "role")):
            append(resource=resource, name="performer", values=[performer])
            continue
        append(resource=resource, name="performer", values=[performer.pop("actor")] if "actor" in performer else [])
        notes.extend(f"DiagnosticReport.performer.{name}" for name in performer)
    rename(resource=resource, old="image", new="media")


def imaging_study(resource: Resource, notes: list[str], /) -> None:
    """Source: FHIR R4, ImagingStudy, for the spelling of DICOM's identifiers."""
    rename(resource=resource, old="patient", new="subject")
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="modalityList", new="modality")
    if isinstance(accession := resource.pop("accession", None), dict):
        accession.setdefault("type", concept(system=f"{TERMINOLOGY}v2-0203", code="ACSN"))
        append(resource=resource, name="identifier", values=[accession])
    if isinstance(uid := resource.pop("uid", None), str):
        append(resource=resource, name="identifier", values=[{"system": "urn:dicom:uid", "value": uid}])
    if "reason" in resource:
        append(resource=resource, name="reasonCode", values=[resource.pop("reason")])
    if resource.get("availability") == "ONLINE":
        resource["status"] = "available"
        notes.append("ImagingStudy.availability: carried as the status")
        del resource["availability"]
    for series in mappings(resource.get("series")):
        _dicom_id(element=series, notes=notes, path="ImagingStudy.series.uid")
        if performers := mappings(series.pop("performer", None)):
            series["performer"] = [{"actor": performer} for performer in performers]
        for instance in mappings(series.get("instance")):
            _dicom_id(element=instance, notes=notes, path="ImagingStudy.series.instance.uid")
            if isinstance(kind := instance.get("sopClass"), str):
                instance["sopClass"] = {"system": "urn:ietf:rfc:3986", "code": kind}


def _dicom_id(*, element: Resource, notes: list[str], path: str) -> None:
    if isinstance(uid := element.get("uid"), str) and uid.startswith("urn:oid:"):
        element["uid"] = uid.removeprefix("urn:oid:")
        notes.append(f"{path}: without urn:oid:")


def media(resource: Resource, notes: list[str], /) -> None:
    """What kind of picture it is was a code."""
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="subtype", new="modality")
    rename(resource=resource, old="occurrenceDateTime", new="createdDateTime")
    rename(resource=resource, old="occurrencePeriod", new="createdPeriod")
    if isinstance(kind := resource.get("type"), str):
        code = {"photo": "image"}.get(kind, kind)
        resource["type"] = {**concept(system=f"{TERMINOLOGY}media-type", code=code), "text": kind}
