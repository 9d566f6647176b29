"""Makes a translated resource keep to R4's shape, whatever the rules of its type left undone. Pure.

What R4 has no place for is removed and named; what R4 demands and the source did not say is said to be unknown.
Source: FHIR R4, the table of each type; Extension data-absent-reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from connectors.gp_connect.translation.elements import ABSENT, Resource
from fhir_data.releases import Release
from fhir_data.shapes import Element, Kind, Shape, changed_members, keeps_its_shape, shape_of

_OF_A_CONCEPT = frozenset({"coding", "text"})
# The types whose status has a code for "unknown". Source: FHIR R4, the value sets of their statuses.
_MAY_BE_UNKNOWN = frozenset(
    "Account CarePlan CommunicationRequest Communication DeviceRequest ImagingStudy Media MedicationAdministration"
    " MedicationDispense MedicationRequest MedicationStatement NutritionOrder Observation Procedure RequestGroup"
    " RiskAssessment ServiceRequest DiagnosticReport Encounter".split()
)


def fit(*, resource: Resource, notes: list[str], path: str, extensions_too: bool = False) -> None:
    """Change a resource so that it has R4's shape. `path` is what notes call it: the type under which it was sent.

    `extensions_too`: some hold a value of a type that may be another in R4.
    """
    kind = str(resource["resourceType"])
    shape = _shape(kind)
    if shape is None:
        raise ValueError(f"R4 has no type {kind}")
    fitting = _Fitting(notes=notes, extensions_too=extensions_too)
    fitting.fit(node=resource, shape=shape, path=path)


@cache
def _shape(kind: str, /) -> Shape | None:
    return shape_of(name=kind, release=Release.R4)


@cache
def _is_same(type_name: str, /) -> bool:
    return keeps_its_shape(name=type_name, earlier=Release.STU3, later=Release.R4)


@cache
def _changed(type_name: str, /) -> frozenset[str]:
    return changed_members(name=type_name, earlier=Release.STU3, later=Release.R4)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Settled:
    """The members of which the type of a value in JSON, or of each in a list, says all: nearly all of a record."""

    once: Mapping[str, type]
    lists: Mapping[str, type]


@cache
def _settled(shape: Shape, /) -> _Settled:
    changed = _changed(shape.name)
    plain = {
        name: element
        for name, element in shape.elements.items()
        if not (element.choice or name in changed)
        and element.kind not in (Kind.NUMBER, Kind.RESOURCE)
        and (element.kind is not Kind.OBJECT or (element.type_name != "Extension" and _is_same(element.type_name)))
    }
    return _Settled(
        once={name: element.json_types[0] for name, element in plain.items() if not element.repeats},
        lists={name: element.json_types[0] for name, element in plain.items() if element.repeats},
    )


_OBJECT, _NUMBER, _RESOURCE = Kind.OBJECT, Kind.NUMBER, Kind.RESOURCE  # looked up for every member
_LEAST = {"PositiveInt": 1, "UnsignedInt": 0}


def _is_of_type(value: Any, /, *, element: Element) -> bool:
    """Whether a value, of a kind that it had in STU3, may stand where R4 has an element. A resource is looked into."""
    kind = element.kind
    if type(value) not in element.json_types or kind is _RESOURCE:
        return False
    return kind is not _NUMBER or value >= _LEAST.get(element.type_name, value)


def _is_list_of(known: type, value: Any, /) -> bool:
    """Whether a value is a list of one type; None keeps a place in it."""
    if type(value) is not list:
        return False
    for each in value:  # a generator would cost more than what it does
        if type(each) is known or each is None:
            continue
        return False
    return True


def _are_of_type(values: list[Any], /, *, element: Element) -> bool:
    """Whether the values of a list may stand where R4 has an element; None keeps a place in it."""
    if element.kind is _NUMBER or element.kind is _RESOURCE:
        return all(value is None or _is_of_type(value, element=element) for value in values)
    return _is_list_of(element.json_types[0], values)


@dataclass(kw_only=True)
class _Fitting:
    """One resource being made to fit. What has the same shape in both releases is not looked into again."""

    notes: list[str]
    extensions_too: bool

    def fit(self, *, node: Resource, shape: Shape, path: str) -> None:
        """Change an object so that it has a shape."""
        elements, changed, settled = shape.elements, _changed(shape.name), _settled(shape)
        once, lists = settled.once, settled.lists
        misfits: list[str] = []
        chosen: dict[str, str] = {}
        for name, value in node.items():
            if type(value) is once.get(name) or (name in lists and _is_list_of(lists[name], value)):
                continue
            element = elements.get(name)
            if element is None:
                if name != "resourceType" or type(value) is not str:
                    misfits.append(name)
            elif name in changed or (element.choice and chosen.setdefault(element.choice, name) != name):
                misfits.append(name)
            elif not element.repeats:
                if not _is_of_type(value, element=element):
                    misfits.append(name)
                elif element.kind is _OBJECT and self._may_differ(element.type_name):
                    self.fit(node=value, shape=element.shape, path=f"{path}.{name}")
                    if not value:
                        misfits.append(name)
            elif type(value) is not list or not _are_of_type(value, element=element):
                misfits.append(name)
            elif element.kind is _OBJECT and self._may_differ(element.type_name):
                for each in value:
                    if each is not None:
                        self.fit(node=each, shape=element.shape, path=f"{path}.{name}")
                if not all(value):
                    misfits.append(name)
        for name in misfits:
            self._settle(node=node, name=name, element=elements.get(name), chosen=chosen, path=f"{path}.{name}")
        for name in shape.required:
            if name not in node and f"_{name}" not in node:
                self._say_unknown(node=node, name=name, element=elements[name], path=path)
        for choice, names in shape.required_choices.items():
            if node.keys().isdisjoint(names) and node.keys().isdisjoint(f"_{name}" for name in names):
                name = next((name for name in names if elements[name].kind is Kind.OBJECT), names[0])
                self._say_unknown(node=node, name=name, element=elements[name], path=path, called=choice)

    def _may_differ(self, type_name: str, /) -> bool:
        return self.extensions_too if type_name == "Extension" else not _is_same(type_name)

    def _settle(
        self, *, node: Resource, name: str, element: Element | None, chosen: Mapping[str, str], path: str
    ) -> None:
        """Make a member fit if a simple change does it; otherwise remove it, and name it."""
        value = node.pop(name)
        if element is None or (element.choice and chosen.get(element.choice) != name):
            self.notes.append(path.replace("._", "."))
            return
        values: list[Any] = value if isinstance(value, list) else [value]
        kept: list[Any] = []
        for each in values:
            made = self._fitting(value=each, element=element, path=path)
            if made is None:
                self.notes.append(path)
            else:
                kept.append(made)
        if not kept:
            return
        if not element.repeats and len(kept) > 1:
            self.notes.append(f"{path}: the first of several")
        node[name] = kept if element.repeats else kept[0]

    def _fitting(self, *, value: Any, element: Element, path: str) -> Any:
        """Return a value of a kind that fits an element, None where it has none."""
        if element.kind is Kind.RESOURCE:
            return self._contained(value=value, path=path)
        if element.type_name == "Canonical" and isinstance(value, dict) and isinstance(value.get("reference"), str):
            self.notes.extend(f"{path}.{name}" for name in value if name != "reference")
            return value["reference"]
        if element.type_name == "CodeableConcept" and isinstance(value, str):
            return {"text": value}
        if element.type_name == "CodeableConcept" and isinstance(value, dict) and not value.keys() & _OF_A_CONCEPT:
            value = {"coding": [value]}
        if not _is_of_type(value, element=element):
            return None
        if element.kind is Kind.OBJECT:
            self.fit(node=value, shape=element.shape, path=path)
        return None if value == {} else value

    def _contained(self, *, value: Any, path: str) -> Resource | None:
        kind = value.get("resourceType") if isinstance(value, dict) else None
        shape = shape_of(name=kind, release=Release.R4) if isinstance(kind, str) else None
        if shape is None:
            return None
        self.fit(node=value, shape=shape, path=path)
        made: Resource = value
        return made

    def _say_unknown(self, *, node: Resource, name: str, element: Element, path: str, called: str = "") -> None:
        """Say of what R4 demands that it is not known. Nothing is made up."""
        self.notes.append(f"{path}.{called or name}: the source does not say")
        unknown: Resource = {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}
        if element.kind is Kind.OBJECT:
            self.fit(node=unknown, shape=element.shape, path=f"{path}.{name}")
            node[name] = [unknown] if element.repeats else unknown
        elif name == "status" and node.get("resourceType") in _MAY_BE_UNKNOWN:
            node[name] = "unknown"
        else:
            node[f"_{name}"] = [unknown] if element.repeats else unknown
