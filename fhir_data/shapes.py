"""What elements a type has in a release: of which kind, whether they repeat, whether they must be there.

Read off the models, so that a release has one description. A translator needs it where a verdict does not help: to say
of each member whether the release has a place for it.
"""

from __future__ import annotations

import datetime as dt
import decimal
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache, cached_property
from typing import Any

from pydantic import BaseModel

from fhir_data.releases import Release, datatype_of, model_of


class Kind(Enum):
    """What a value is in JSON. TIME is a text that names a date or a moment, RESOURCE an object of any type."""

    TEXT = auto()
    TIME = auto()
    BOOLEAN = auto()
    NUMBER = auto()
    OBJECT = auto()
    RESOURCE = auto()


@dataclass(frozen=True, kw_only=True)
class Element:
    """One element. `type_name` is FHIR's name of its type; `choice` the name of the `[x]` that it is one of, or "".

    `json_types` are the types that its values may have when JSON is parsed.
    """

    kind: Kind
    json_types: tuple[type, ...]
    type_name: str
    repeats: bool
    choice: str
    model: Any = field(repr=False, default=None)

    @cached_property
    def shape(self) -> Shape:
        """The elements within this one, which is an object."""
        return _shape_of_model(self.model)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shape:
    """The elements of a type by the names of their members, extensions of primitives (`_name`) among them.

    `required` are the members that must be there, `required_choices` the members of each `[x]` of which one must be.
    A type has one shape: what is read off it may be cached by the shape itself.
    """

    name: str
    elements: Mapping[str, Element]
    required: tuple[str, ...]
    required_choices: Mapping[str, tuple[str, ...]]


def shape_of(*, name: str, release: Release) -> Shape | None:
    """Return the shape of a type of resource, None for what is no content of a record in this release."""
    model = model_of(name=name, release=release)
    return None if model is None else _shape_of_model(model)


def shape_of_any(*, name: str, release: Release) -> Shape | None:
    """Return the shape of any type, be it a resource or a part of one; None where the release has no such type."""
    model = datatype_of(name=name, release=release)
    return None if model is None else _shape_of_model(model)


@cache
def changed_members(*, name: str, earlier: Release, later: Release) -> frozenset[str]:
    """Return the members of a type that hold objects of one type in one release, and of another in a later one."""
    before, after = (datatype_of(name=name, release=release) for release in (earlier, later))
    if before is None or after is None:
        return frozenset()
    old, new = _shape_of_model(before).elements, _shape_of_model(after).elements
    return frozenset(
        member
        for member, element in old.items()
        if member in new and new[member].kind is Kind.OBJECT and element.type_name != new[member].type_name
    )


@cache
def keeps_its_shape(*, name: str, earlier: Release, later: Release) -> bool:
    """Whether whatever has the shape of a part in one release has it in a later one. Extensions are not looked into."""
    pending, known = [name], {"Extension", name}
    while pending:
        part = pending.pop()
        before, after = (datatype_of(name=part, release=release) for release in (earlier, later))
        if before is None or after is None:
            return False
        old, new = _shape_of_model(before), _shape_of_model(after)
        if not set(new.required) <= set(old.required) or not set(new.required_choices) <= set(old.required_choices):
            return False
        for member, element in old.elements.items():
            other = new.elements.get(member)
            if other is None or _kept_as(element) != _kept_as(other):
                return False
            if element.kind is Kind.OBJECT and element.type_name not in known:
                known.add(element.type_name)
                pending.append(element.type_name)
    return True


def _kept_as(element: Element, /) -> tuple[Kind, bool, str, str]:
    # A text may be a string in one release and a markdown in the other; a number may have to be positive.
    name = element.type_name if element.kind in (Kind.OBJECT, Kind.NUMBER) else ""
    return element.kind, element.repeats, element.choice, name


# What the models do not mark as an element, and FHIR has as one: what is said of a primitive.
_UNMARKED: Mapping[str, tuple[str, ...]] = {"FHIRPrimitiveExtension": ("id", "extension")}


@cache
def _shape_of_model(model: type[BaseModel], /) -> Shape:
    elements: dict[str, Element] = {}
    required: list[str] = []
    choices: dict[str, list[str]] = {}
    for member, information in model.model_fields.items():
        name = information.alias or member
        extra = information.json_schema_extra if isinstance(information.json_schema_extra, dict) else {}
        if name.startswith("_"):
            elements[name] = _element(annotation=information.annotation, choice="")
        if not extra.get("element_property") and name not in _UNMARKED.get(model.__name__, ()):
            continue
        choice = str(extra.get("one_of_many") or "")
        elements[name] = _element(annotation=information.annotation, choice=choice)
        if choice and extra.get("one_of_many_required"):
            choices.setdefault(choice, []).append(name)
        elif information.is_required() or extra.get("element_required"):
            required.append(name)
    return Shape(
        name=model.__name__,
        elements=elements,
        required=tuple(required),
        required_choices={choice: tuple(names) for choice, names in choices.items()},
    )


_TIMES = frozenset({"DateTime", "Date", "Instant"})
_JSON_TYPES: Mapping[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.TIME: (str,),
    Kind.BOOLEAN: (bool,),
    Kind.NUMBER: (int, decimal.Decimal),
}


def _element(*, annotation: Any, choice: str) -> Element:
    parts = list(_parts(annotation))
    repeats = any(typing.get_origin(part) is list for part in parts)
    model_type = next((part for part in parts if hasattr(part, "get_model_klass")), None)
    if model_type is not None:
        model = model_type.get_model_klass()
        name = model.__name__
        kind = Kind.RESOURCE if name == "Resource" else Kind.OBJECT
        return Element(kind=kind, json_types=(dict,), type_name=name, repeats=repeats, choice=choice, model=model)
    # Of an annotated primitive the mark names FHIR's type: Code, DateTime, PositiveInt.
    marks = [mark for part in parts for mark in getattr(part, "__metadata__", ())]
    name = type(marks[0]).__name__ if marks else "Boolean" if bool in parts else "String"
    kind = _primitive_kind(name=name, parts=parts)
    return Element(kind=kind, json_types=_JSON_TYPES[kind], type_name=name, repeats=repeats, choice=choice)


def _primitive_kind(*, name: str, parts: list[Any]) -> Kind:
    if name in _TIMES or dt.datetime in parts or dt.date in parts:
        return Kind.TIME
    if bool in parts:
        return Kind.BOOLEAN
    return Kind.NUMBER if int in parts or decimal.Decimal in parts else Kind.TEXT


def _parts(annotation: Any, /) -> Iterator[Any]:
    """Yield an annotation and all that it is made of."""
    yield annotation
    for part in typing.get_args(annotation):
        yield from _parts(part)


def warm_up(*, types: Iterable[str], release: Release) -> None:
    """Make the shapes of types, and of all that is in them, before an event loop needs them."""
    pending = [shape for name in types if (shape := shape_of(name=name, release=release)) is not None]
    known = {shape.name for shape in pending}
    while pending:
        for element in pending.pop().elements.values():
            if element.kind is Kind.OBJECT and element.type_name not in known:
                known.add(element.type_name)
                pending.append(element.shape)
