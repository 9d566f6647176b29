"""Typed structs, made from the models of a release, that accept sound resources in a tenth of a model's time. Pure.

Whatever a struct accepts, the model accepts. What it refuses may be sound all the same: the model then decides, and
says what is wrong. So a struct may refuse what is rare and would take time or words to tell from a fault: a null within
a list, a required text that only an extension stands for, a second of 60, the 29th of February of 2000.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Annotated, Any

import msgspec

from fhir_data.parsing import is_named_otherwise
from fhir_data.releases import Release
from fhir_data.shapes import Element, Kind, Shape, shape_of

Decoder = msgspec.json.Decoder[Any]


def is_accepted(*, body: bytes, name: str, release: Release) -> bool:
    """Return whether the struct of a type accepts a resource; False says nothing about it.

    `body` is the resource as `exact_json.encode` writes it: one spelling of each character, nothing between tokens, and
    no member twice. A decoder would take the last of two.
    """
    shape = shape_of(name=name, release=release)
    if shape is None or _holds_only_spaces(body):
        return False
    try:
        _decoder_of(shape, release).decode(body)
    except Exception:  # noqa: BLE001  a library reading what a stranger sent; the model decides
        return False
    return True


def warm_up(*, types: Iterable[str], release: Release) -> None:
    """Make the structs of types that will be judged."""
    for name in types:
        if (shape := shape_of(name=name, release=release)) is not None:
            _decoder_of(shape, release)


# A text must hold more than spaces of these kinds, and few texts begin with one. Looked for in the whole, since a
# pattern for each text would take as long as all else. In ASCII they can only be escapes.
_ODD_SPACE = re.compile(r'"(?:\\[fu]|[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])')


def _holds_only_spaces(body: bytes, /) -> bool:
    """Return whether a text may be made up of spaces that are no blank, tab or end of line."""
    if body.isascii():
        return b'"\\' in body and (b'"\\f' in body or b'"\\u' in body)
    return _ODD_SPACE.search(body.decode()) is not None


_MAKING = threading.Lock()


@cache
def _decoder_of(shape: Shape, release: Release, /) -> Decoder:
    """Return the decoder of a type of resource, made by one thread at a time."""
    with _MAKING:
        return msgspec.json.Decoder(_class_of(shape, release=release))


@cache
def _classes() -> dict[Shape, type[msgspec.Struct]]:
    """Return the structs that are made, each once: parts are in many types."""
    return {}


def _class_of(shape: Shape, /, *, release: Release) -> type[msgspec.Struct]:
    """Return the struct of a resource, after making those of all its parts.

    Types contain themselves. A class is therefore made before what its members hold is known; msgspec looks only when a
    decoder is made.
    """
    classes: dict[Shape, type[msgspec.Struct]] = {}
    pending = [shape]
    while pending:
        each = pending.pop()
        if each not in classes and each not in _classes():
            classes[each] = _new_class(each, release=release, is_resource=each is shape)
            pending += [element.shape for element in _elements(each).values() if element.kind is Kind.OBJECT]
    known = _classes() | classes
    for each, holder in classes.items():
        members = enumerate(_elements(each).values())
        holder.__annotations__.update({f"f{number}": _annotation(element, known) for number, element in members})
    _classes().update(classes)
    return known[shape]


def _elements(shape: Shape, /) -> dict[str, Element]:
    """Return the elements that the struct has. One that it has not makes it refuse a resource that has it."""
    return {name: element for name, element in shape.elements.items() if _is_expressible(name, element)}


def _new_class(shape: Shape, /, *, release: Release, is_resource: bool) -> type[msgspec.Struct]:
    """Return a struct whose members may hold nothing yet. They are named by number: `class` is a word of Python."""
    fields = {name: f"f{number}" for number, name in enumerate(_elements(shape))}
    members: list[tuple[str, Any, Any]] = [
        (field, None, msgspec.field(name=name, default=msgspec.NODEFAULT if name in shape.required else None))
        for name, field in fields.items()
    ]
    if is_resource:
        members.append(("resource_type", str, msgspec.field(name="resourceType")))
    rules = _rules(shape, fields=fields, release=release)
    return msgspec.defstruct(
        shape.name,
        members,
        namespace={"__post_init__": _all_of(rules)} if rules else {},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,  # they live for the time of one decoding
        eq=False,
    )


def _is_expressible(name: str, element: Element, /) -> bool:
    if element.kind is Kind.RESOURCE:
        return name == "contained"
    if is_named_otherwise(name=name, types=element.json_types):
        return False
    return element.kind in _OF_KIND or element.type_name in _OF_TYPE


def _annotation(element: Element, classes: Mapping[Shape, type[msgspec.Struct]], /) -> Any:
    value: Any = classes[element.shape] if element.kind is Kind.OBJECT else _OF_KIND.get(element.kind)
    value = value or _OF_TYPE[element.type_name]
    return Annotated[list[value], msgspec.Meta(min_length=1)] if element.repeats else value


Rule = Callable[[Any], bool]


def _rules(shape: Shape, /, *, fields: Mapping[str, str], release: Release) -> list[Rule]:
    """Return what is to be kept by members together."""
    rules: list[Rule] = []
    choices: dict[str, list[str]] = {}
    for name, field in fields.items():
        if choice := shape.elements[name].choice:
            choices.setdefault(choice, []).append(field)
    if not fields.keys() >= set(shape.required) or not choices.keys() >= shape.required_choices.keys():
        return [lambda _: False]  # it has no place for what must be there
    rules += [_one_of(names, is_required=choice in shape.required_choices) for choice, names in choices.items()]
    if shape.name == "FHIRPrimitiveExtension":
        rules.append(_any_of([fields["id"], fields["extension"]]))
    if "contained" in fields:
        rules.append(_contained(fields["contained"], release=release))
    return rules


def _all_of(rules: Sequence[Rule], /) -> Callable[[Any], None]:
    """Return a `__post_init__` that keeps all rules."""

    def keep(struct: Any) -> None:
        for rule in rules:
            if not rule(struct):
                raise ValueError

    def keep_one(struct: Any, rule: Rule = rules[0]) -> None:
        if not rule(struct):
            raise ValueError

    return keep_one if len(rules) == 1 else keep


def _one_of(names: Sequence[str], /, *, is_required: bool) -> Rule:
    """Of several members there is at most one; or exactly one."""
    values = _values(names)
    absent = len(names) - 1
    if is_required:
        return lambda struct: values(struct).count(None) == absent
    return lambda struct: values(struct).count(None) >= absent


def _any_of(names: Sequence[str], /) -> Rule:
    values = _values(names)
    return lambda struct: values(struct).count(None) < len(names)


def _values(names: Sequence[str], /) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda struct: tuple(getattr(struct, name) for name in names)


class _Head(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType")


_HEAD = msgspec.json.Decoder(_Head)


def _contained(name: str, /, *, release: Release) -> Rule:
    """Each contained resource is one of a known type. Its struct is made when the first of its type comes."""

    def are_accepted(struct: Any) -> bool:
        for resource in getattr(struct, name) or ():
            shape = shape_of(name=_HEAD.decode(resource).resource_type, release=release)
            if shape is None:
                return False
            _decoder_of(shape, release).decode(resource)
        return True

    return are_accepted


def _text(pattern: str, /, *, longest: int | None = None) -> Any:
    return Annotated[str, msgspec.Meta(pattern=rf"\A(?:{pattern})\Z", max_length=longest)]


def _whole(least: int, /) -> Any:
    return Annotated[int, msgspec.Meta(ge=least, le=2**31 - 1)]


# Only [0-9] is a digit and only \Z the end: \d takes digits of other scripts, and $ a line after the end.
_YEAR = r"(?!0000)[0-9]{4}"
_DAY = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))|[0-9]{2}(?:0[48]|[2468][048]|[13579][26])-02-29)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
_MOMENT = rf"{_DAY}T{_TIME}(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_PART_OF_YEAR = rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?"
_WORDS = Annotated[str, msgspec.Meta(min_length=1)]

_OF_KIND: Mapping[Kind, Any] = {Kind.OBJECT: msgspec.Struct, Kind.RESOURCE: msgspec.Raw, Kind.BOOLEAN: bool}
# By FHIR's types, as the models' marks name them. An element of any other is left to the model.
_OF_TYPE: Mapping[str, Any] = {
    "String": _WORDS,
    "Markdown": _WORDS,
    "Xhtml": _WORDS,
    # A reference to anything. The models take any text, and what is joined by it is read by `fhir_data.references`.
    "Uri": _WORDS,
    "Canonical": _WORDS,
    "Url": _text(r"\S+"),
    "Code": _text(r"\S++(?: \S++)*+"),
    "Id": _text(r"[A-Za-z0-9.-]{1,255}"),
    "Oid": _text(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"),
    "UuidVersion": _text(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    "EncodedBytes": _text(r"(?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/][A-Za-z0-9+/=])", longest=2**16),
    "Date": _text(rf"{_DAY}|{_PART_OF_YEAR}"),
    "DateTime": _text(rf"{_MOMENT}|{_DAY}|{_PART_OF_YEAR}"),
    "Instant": _text(_MOMENT),
    "Time": _text(_TIME),
    # Whether it is a number at all: its value is never read here. The guards look at how long it is only where it has a
    # fraction or an exponent.
    "Decimal": Annotated[float, msgspec.Meta(ge=-1e30, le=1e30)],
    "Integer": _whole(-(2**31)),
    "UnsignedInt": _whole(0),
    "PositiveInt": _whole(1),
}
