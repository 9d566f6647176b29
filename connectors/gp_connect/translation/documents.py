"""Letters, forms and other documents, STU3 -> R4. Pure.

Source: FHIR R4, the R3-R4 differences of each type; UK Core, DocumentReference and QuestionnaireResponse.
"""

from __future__ import annotations

import base64
from typing import Any

from connectors.gp_connect.translation.elements import Resource, append, drop, rename, who_or_uri
from fhir_data.access import mapping, mappings


def document_reference(resource: Resource, notes: list[str], /) -> None:
    """The day of the letter goes with its content, the day on which it was filed with the entry."""
    rename(resource=resource, old="indexed", new="date")
    if "class" in resource:
        append(resource=resource, name="category", values=[resource.pop("class")])
    attachments = [mapping(content.get("attachment")) for content in mappings(resource.get("content"))]
    created = resource.get("created")
    undated = [attachment for attachment in attachments if "creation" not in attachment]
    if created is not None and attachments and len(undated) == len(attachments):
        for attachment in undated:
            attachment["creation"] = created
        del resource["created"]
    drop(resource=resource, notes=notes, path="DocumentReference", names=("created",))
    for attachment in attachments:
        _check_length(attachment=attachment, notes=notes)
    context = mapping(resource.get("context"))
    related: list[Resource] = []
    for each in mappings(context.pop("related", None)):
        reference = mapping(each.pop("ref", None))
        if "identifier" in each and "identifier" not in reference:
            reference["identifier"] = each.pop("identifier")
        notes.extend(f"DocumentReference.context.related.{name}" for name in each)
        related += [reference] if reference else []
    append(resource=context, name="related", values=related)


def _check_length(*, attachment: Resource, notes: list[str]) -> None:
    """Say where a document is not as long as the source says."""
    data, size = attachment.get("data"), attachment.get("size")
    if isinstance(data, str) and isinstance(size, int) and len(base64.b64decode(data)) != size:
        notes.append("DocumentReference.content.attachment.size: not the length of what is there")


def binary(resource: Resource, notes: list[str], /) -> None:
    """The content has another name."""
    rename(resource=resource, old="content", new="data")


def questionnaire_response(resource: Resource, notes: list[str], /) -> None:
    """A form is a part of what it stands under."""
    rename(resource=resource, old="context", new="encounter")
    rename(resource=resource, old="parent", new="partOf")


def questionnaire(resource: Resource, notes: list[str], /) -> None:
    """A question's conditions, choices and first values have another form. Its items may be nested to any depth."""
    pending = [(item, "Questionnaire.item") for item in mappings(resource.get("item"))]
    while pending:
        item, path = pending.pop()
        pending.extend((inner, f"{path}.item") for inner in mappings(item.get("item")))
        options = item.pop("options", None)
        if isinstance(options, dict):
            if "reference" in options:
                item["answerValueSet"] = options.pop("reference")
            notes.extend(f"{path}.options.{name}" for name in options)
        rename(resource=item, old="option", new="answerOption")
        initial = {name: item.pop(name) for name in list(item) if name.startswith("initial") and name != "initial"}
        if initial:
            item["initial"] = [{f"value{name.removeprefix('initial')}": value for name, value in initial.items()}]
        for condition in mappings(item.get("enableWhen")):
            _enable_when(condition=condition, notes=notes, path=f"{path}.enableWhen")


def _enable_when(*, condition: Resource, notes: list[str], path: str) -> None:
    answered: Any = condition.pop("hasAnswer", None)
    if answered is None:
        condition.setdefault("operator", "=")
    elif any(name.startswith("answer") for name in condition):
        notes.append(f"{path}.hasAnswer")
        condition.setdefault("operator", "=")
    else:
        condition.update(operator="exists", answerBoolean=answered)


def composition(resource: Resource, notes: list[str], /) -> None:
    """A class is one of several categories in R4."""
    if "class" in resource:
        append(resource=resource, name="category", values=[resource.pop("class")])


def document_manifest(resource: Resource, notes: list[str], /) -> None:
    """R4 has references alone; what stands in the manifest itself is named."""
    references: list[Resource] = []
    for content in mappings(resource.pop("content", None)):
        if "reference" in content:  # as R4 has it
            references.append(content)
            continue
        references += [content.pop("pReference")] if "pReference" in content else []
        notes.extend(f"DocumentManifest.content.{name}" for name in content)
    append(resource=resource, name="content", values=references)


def provenance(resource: Resource, notes: list[str], /) -> None:
    """Who did it, and of what it was made, are references alone in R4."""
    rename(resource=resource, old="period", new="occurredPeriod")
    agents = mappings(resource.get("agent"))
    for entity in mappings(resource.get("entity")):
        _what(entity)
        agents += mappings(entity.get("agent"))
    for agent in agents:
        who_or_uri(resource=agent, name="who")
        who_or_uri(resource=agent, name="onBehalfOf")


def _what(entity: Resource, /) -> None:
    who_or_uri(resource=entity, name="what")
    if "what" not in entity and isinstance(entity.get("whatIdentifier"), dict):
        entity["what"] = {"identifier": entity.pop("whatIdentifier")}
