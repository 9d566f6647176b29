"""What a person would call the thing that a reference leads to. Pure."""

from __future__ import annotations

from aggregator.record.reading import Resource, concept_text
from aggregator.record.sent import Sent
from fhir_data.access import listed, mapping, mappings, text, texts


def name_of(*, sent: Sent, reference: object) -> str:
    """Return the name of what a Reference leads to: as its source displays it, else as the resource names itself.

    "" where neither says. A role is told with the one who has it and where.
    """
    pointer = mapping(reference)
    if display := text(pointer.get("display")):
        return display
    address = text(pointer.get("reference"))
    if not address:
        identifier = mapping(pointer.get("identifier"))
        return text(identifier.get("value"))
    return own_name(sent=sent, resource=sent.find(reference=address))


def names_of(*, sent: Sent, references: object) -> str:
    """Return the names of what References lead to, each once; of a single Reference too."""
    names = (name_of(sent=sent, reference=reference) for reference in listed(references))
    return "; ".join(dict.fromkeys(name for name in names if name))


def own_name(*, sent: Sent, resource: Resource) -> str:
    """Return what a resource is called: a name, what it is a kind of, or who has the role that it describes."""
    if "practitioner" in resource or "healthcareService" in resource:
        return _role(sent, resource)
    if plain := text(resource.get("name")):
        return plain
    if names := mappings(listed(resource.get("name"))):
        return human_name(name=names[0])
    if device := mappings(resource.get("deviceName")):
        return text(device[0].get("name"))
    kind = next((resource[element] for element in ("code", "type") if element in resource), None)
    return concept_text(next(iter(mappings(listed(kind))), None))


def human_name(*, name: Resource) -> str:
    """Return a HumanName as it is spoken: as text, or title, given and family names."""
    if words := text(name.get("text")):
        return words
    family = name.get("family")
    parts = [*_words(name.get("prefix")), *_words(name.get("given")), *_words(family)]
    return " ".join(part for part in parts if part)


def _words(value: object) -> list[str]:
    return texts(listed(value))


def _role(sent: Sent, role: Resource) -> str:
    """Return who has a role, as what, and where. It is only named by what does not name a role again."""
    parts = [
        _name_of_target(sent, role.get("practitioner")),
        *(concept_text(code) for code in mappings(listed(role.get("code")))),
        _name_of_target(sent, role.get("organization")),
        *(_name_of_target(sent, service) for service in listed(role.get("healthcareService"))),
    ]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _name_of_target(sent: Sent, reference: object) -> str:
    pointer = mapping(reference)
    if display := text(pointer.get("display")):
        return display
    target = sent.find(reference=text(pointer.get("reference")))
    if "practitioner" in target:
        return ""
    if plain := text(target.get("name")):
        return plain
    names = mappings(listed(target.get("name")))
    return human_name(name=names[0]) if names else ""
