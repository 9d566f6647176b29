"""Resources of FHIR made up along its models, for tests of what is done with any of them."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from fhir.resources.R4B import fhirtypes as r4b_types
from fhir.resources.STU3 import fhirtypes as stu3_types

from fhir_data.releases import Release, model_of
from fhir_data.shapes import Element, Kind, Shape, shape_of


def types_of(*, release: Release) -> tuple[str, ...]:
    """Return all types of resource that may be content of a record."""
    names = (name.removesuffix("Type") for name in _NAMES[release])
    return tuple(sorted(name for name in names if model_of(name=name, release=release) is not None))


_NAMES = {Release.R4: r4b_types.__all__, Release.STU3: stu3_types.__all__}
_DIV = '<div xmlns="http://www.w3.org/1999/xhtml">words</div>'
# Of each type of primitive, by the name of its mark.
SOUND: dict[str, tuple[Any, ...]] = {
    "Code": ("active", "unknown", "other"),
    "Id": ("id-1", "id-2"),
    "Uri": ("http://example.org/a", "urn:oid:1.2.3"),
    "Oid": ("urn:oid:1.2.3",),
    "Url": ("http://example.org/file",),
    "DateTime": ("2019-05-01", "2019-05", "2019-05-01T10:38:00+01:00"),
    "Date": ("2019-05-01", "2019"),
    "Instant": ("2019-05-01T10:38:00.5Z",),
    "Time": ("10:38:00",),
    "Decimal": (Decimal("7.10"), Decimal(3)),
    "Integer": (-3, 4),
    "PositiveInt": (5, 6),
    "UnsignedInt": (0, 8),
    "Boolean": (True, False),
    "EncodedBytes": ("aGk=",),
    "UuidVersion": ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520",),
    "Xhtml": (_DIV,),
}


def made_up(
    *, kind: str, chance: random.Random, fullness: float = 0.5, release: Release = Release.STU3
) -> dict[str, Any]:
    """Return a resource of a type in which each element is present with a probability, to a depth of a few parts."""
    shape = shape_of(name=kind, release=release)
    assert shape is not None
    return {"resourceType": kind, **_object(shape=shape, chance=chance, fullness=fullness, depth=0)}


def _object(*, shape: Shape, chance: random.Random, fullness: float, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    chosen: dict[str, str] = {}
    for name, element in shape.elements.items():
        if element.choice:
            names = [each for each, other in shape.elements.items() if other.choice == element.choice]
            if chosen.setdefault(element.choice, chance.choice(names)) != name:
                continue
        needed = name in shape.required or (element.choice in shape.required_choices)
        if not needed and (_is_left_out(name=name, element=element, depth=depth) or chance.random() > fullness):
            continue
        value = _value(element=element, name=name, chance=chance, fullness=fullness / 2, depth=depth + 1)
        made[name] = [value] if element.repeats else value
    if not made and "text" in shape.elements:
        made["text"] = "words"
    return made


def _is_left_out(*, name: str, element: Element, depth: int) -> bool:
    if name.startswith("_") or name in ("contained", "implicitRules", "language", "fhir_comments"):
        return True
    return depth > 3 or (element.type_name == "Extension" and depth > 1)


def _value(*, element: Element, name: str, chance: random.Random, fullness: float, depth: int) -> Any:
    if element.kind is Kind.OBJECT:
        made = _object(shape=element.shape, chance=chance, fullness=fullness, depth=depth)
        if element.type_name == "Extension":
            return {"url": "http://example.org/extension", "valueString": "words"}
        return made or {"id": "x"}
    if name == "div":
        return _DIV
    return chance.choice(SOUND.get(element.type_name, ("words",)))
