"""What exactly is wrong with a resource that the model of its type refuses, and what is left without it.

A model names only the first layer of faults: what is at fault is taken out, and the rest is judged again. What the
standard requires and is missing is filled in for that, with values that mean nothing and go no further.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from fhir_data.access import JsonObject
from fhir_data.flaws import FURTHER_FIELDS, PROSE, UNKNOWN_FIELD, Flaw, FlawReason, hides_a_label, is_like_a_label
from fhir_data.limits import MAX_FAULTS, MAX_FLAWS, MAX_ROUNDS
from fhir_data.parsing import Place
from fhir_data.times import loose_date


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What is wrong with a resource.

    `flaws` are the first of its flaws, and `members` all the members that hold one. `rest` is the resource without what
    is at fault. `hides_label`: one of them is where it says how confidential it is.
    """

    flaws: tuple[Flaw, ...]
    members: tuple[str, ...]
    rest: dict[str, Any]
    hides_label: bool


def is_accepted(*, model: type[BaseModel], resource: JsonObject) -> bool:
    """Return whether a model finds nothing wrong with a resource."""
    if _unknown_names(model=model, resource=resource):
        return False
    try:
        model.model_validate(resource)
    except Exception:  # noqa: BLE001  a library reading what a stranger sent: KeyError and AttributeError have been seen
        return False
    return True


def examine(*, model: type[BaseModel], resource: dict[str, Any], misread: Iterable[Place] = ()) -> Examination:
    """Return what is wrong with a resource; nothing where there are no flaws.

    `misread` is where it holds what the model would take for what it is not.
    """
    work = _Work(model=model, rest=copy.deepcopy(resource))
    for place in misread:  # a text that is no number, time or truth: the model refuses it, unless a text belongs there
        _put(node=work.rest, place=place, value="text")
    for name in _unknown_names(model=model, resource=resource):
        work.note(place=(name,), reason=FlawReason.NOT_IN_STANDARD)
        work.take_out((name,))
    for _ in range(MAX_ROUNDS):
        faults = _faults(model=model, resource=work.rest)
        if faults is None:
            faults = _faults_of_each(model=model, resource=work.rest)
        if not faults:
            break
        if len(faults) > MAX_FAULTS:
            faults = _first_of_each_member(faults)
        # The last of a list first, so that the other places stay right.
        for fault in sorted(faults, key=lambda fault: str(fault["loc"]), reverse=True):
            work.settle(fault)
    else:
        work.give_up()
    return work.examination(sent=resource)


@dataclass(kw_only=True)
class _Work:
    """A resource on its way to be one that the model accepts, and what was wrong with it."""

    model: type[BaseModel]
    rest: dict[str, Any]
    flaws: dict[Flaw, None] = field(default_factory=dict)
    members: dict[str, None] = field(default_factory=dict)
    hides_label: bool = False
    _taken_out: set[tuple[str, ...]] = field(default_factory=set)
    _filled: dict[Place, int] = field(default_factory=dict)
    _stood_in_for: list[tuple[dict[str, Any], str, object]] = field(default_factory=list)

    def settle(self, fault: Any) -> None:
        """Note one fault, and change the resource so that the model does not find it again."""
        place = _noted(fault["loc"])
        kind = str(fault["type"])
        if kind.endswith("missing"):
            self._settle_missing(place)
        elif kind == "value_error" and isinstance(fault["input"], dict) and (names := _choices(fault)):
            self._settle_choice(place, names)
        elif not place:
            self.give_up()
        elif place in self._filled:
            self._fill(place)
        else:
            self.note(place=_noted(fault.get("first", place)), reason=_reason(fault))
            if (harmless := _harmless(fault)) is None:
                self.take_out(place)
            else:
                self._stand_in(place, harmless)

    def note(self, *, place: Place, reason: FlawReason) -> None:
        """Note a flaw at a place."""
        names = [part for part in place if isinstance(part, str)]
        if reason is FlawReason.NOT_IN_STANDARD:
            holders = {"contained", "meta"}
            self.hides_label |= is_like_a_label(name=names[-1]) and holders.issuperset(names[:-1])
        if len(names) > 1 or reason not in {FlawReason.MISSING, FlawReason.TWO_CHOICES}:
            self.members[names[0]] = None
        if reason is FlawReason.NOT_IN_STANDARD:
            names[-1] = UNKNOWN_FIELD
        flaw = Flaw(path=".".join(names), reason=reason)
        self.hides_label |= hides_a_label(flaw)
        self.flaws[flaw] = None

    def take_out(self, place: Place) -> None:
        """Remove what is at a place, or the innermost part of the place that exists."""
        self._taken_out.add(tuple(part for part in place if isinstance(part, str)))
        _take_out(node=self.rest, place=place)

    def give_up(self) -> None:
        """Note that nothing in the resource can be relied on, since the model does not say what is at fault."""
        self.flaws[Flaw(path=FURTHER_FIELDS, reason=FlawReason.UNREADABLE)] = None
        self.members.update(dict.fromkeys(self.rest))

    def examination(self, *, sent: JsonObject) -> Examination:
        """Return what was found. In the rest nothing is left that was filled in."""
        for holder, name, value in self._stood_in_for:
            holder[name] = value
        for place in sorted(self._filled, key=str, reverse=True):
            _take_out(node=self.rest, place=place)
        flaws = sorted(self.flaws, key=lambda flaw: (flaw.path, flaw.reason))
        if len(flaws) > MAX_FLAWS:
            flaws[MAX_FLAWS - 1 :] = [Flaw(path=FURTHER_FIELDS, reason=FlawReason.NOT_NAMED)]
        return Examination(
            flaws=tuple(flaws),
            members=tuple(name for name in self.members if name != "resourceType"),
            rest=_without_empty(self.rest),
            hides_label=self.hides_label,
        )

    def _stand_in(self, place: Place, value: str) -> None:
        """Put a value for the model in the place of one that stays in the rest as it was sent."""
        holder, name = _at(node=self.rest, place=place[:-1]), str(place[-1])
        self._stood_in_for.append((holder, name, holder[name]))
        holder[name] = value

    def _settle_missing(self, place: Place) -> None:
        if place not in self._filled and tuple(part for part in place if isinstance(part, str)) not in self._taken_out:
            self.note(place=place, reason=FlawReason.MISSING)
        self._fill(place)

    def _fill(self, place: Place) -> None:
        """Put what means nothing where the model demands a value: by turns each kind of value that it may accept."""
        turn = self._filled.get(place, 0)
        if turn >= len(_FILLERS):
            self.give_up()
            self.take_out(place[:-1] or place)
            return
        self._filled[place] = turn + 1
        _put(node=self.rest, place=place, value=copy.deepcopy(_FILLERS[turn]))

    def _settle_choice(self, place: Place, names: Sequence[str]) -> None:
        """Settle that there is none of several elements of which one must be there, or more than one."""
        holder = _at(node=self.rest, place=place)
        sent = [name for name in names if name in holder or f"_{name}" in holder]
        stem = _stem(names)
        if not sent:
            if not any(path[: len(place) + 1] and path[-1].startswith(stem) for path in self._taken_out):
                self.note(place=(*place, f"{stem}[x]"), reason=FlawReason.MISSING)
            self._fill((*place, names[-1] if f"{stem}Reference" not in names else f"{stem}Reference"))
            return
        self.note(place=(*place, f"{stem}[x]"), reason=FlawReason.TWO_CHOICES)
        # Beside a date or a number, true says nothing more.
        lesser = [name for name in sent if name.endswith("Boolean")]
        for name in lesser if 0 < len(lesser) < len(sent) else sent:
            for spelling in (name, f"_{name}"):
                if spelling in holder:
                    self.members[str(place[0]) if place else spelling] = None
                    self.take_out((*place, spelling))


# Accepted in turn: an object, a list, and a text that is also a code, a date and an address.
_FILLERS: tuple[Any, ...] = ({}, [], "2000", "2000-01-01T00:00:00Z", 1, True)


def _noted(loc: Place) -> Place:
    """Return the place of a fault, without a name of the library's own."""
    return tuple(part for part in loc if part != "root")


def _faults(*, model: type[BaseModel], resource: JsonObject) -> list[Any] | None:
    """Return what a model finds wrong; None when it cannot even say."""
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return [*error.errors(include_url=False)]
    except Exception:  # noqa: BLE001  as in `is_accepted`
        return None
    return []


def _faults_of_each(*, model: type[BaseModel], resource: JsonObject) -> list[Any]:
    """Return as faults the members that break the model by themselves."""
    return [
        {"loc": (name,), "type": "unreadable", "msg": "", "input": None}
        for name, value in resource.items()
        if name != "resourceType"
        and _faults(model=model, resource={"resourceType": resource.get("resourceType"), name: value}) is None
    ]


def _first_of_each_member(faults: Iterable[Any]) -> list[Any]:
    """Return one fault for each member that has any, at the member itself."""
    by_member: dict[Any, Any] = {}
    for fault in faults:
        member = fault["loc"][:1]
        if member not in by_member:
            reason = _reason(fault)
            by_member[member] = {"loc": member, "type": "member", "input": None, "first": fault["loc"], "why": reason}
    return list(by_member.values())


# The library tells faults of dates and numbers, and of choices, apart by its messages only.
_DATE_FAULT = re.compile(r"(Date|DateTime|Instant|Time) value")
_NUMBER_FAULT = re.compile(r"(Decimal|Integer|PositiveInt|UnsignedInt) value")
_CHOICE_FAULT = re.compile(r"of (?:one )?field value (?:is expected )?from this list \[([^\]]*)\]")
_BY_TYPE = {
    "missing": FlawReason.MISSING,
    "model_field_validation.missing": FlawReason.MISSING,
    "extra_forbidden": FlawReason.NOT_IN_STANDARD,
    "unreadable": FlawReason.UNREADABLE,
    "list_type": FlawReason.ONE_FOR_LIST,
}
_BY_STEM = {
    "date": FlawReason.NOT_A_DATE,
    "time": FlawReason.NOT_A_DATE,
    "int": FlawReason.NOT_A_NUMBER,
    "decimal": FlawReason.NOT_A_NUMBER,
    "float": FlawReason.NOT_A_NUMBER,
    "greater": FlawReason.NOT_A_NUMBER,
    "less": FlawReason.NOT_A_NUMBER,
    "bool": FlawReason.NOT_TRUE_OR_FALSE,
}
_WRONG_TYPE = frozenset({"string_type", "model_validation_format", "json_invalid", "json_type", "dict_type"})
_CODE_PATTERN = r"^[^\s]+(\s[^\s]+)*$"


def _reason(fault: Any) -> FlawReason:
    kind, value = str(fault["type"]), fault["input"]
    if kind == "member":
        reason: FlawReason = fault["why"]
        return reason
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    message = str(fault["msg"])
    if value == "":
        return FlawReason.EMPTY
    if isinstance(value, list):
        return FlawReason.LIST_FOR_ONE
    if kind in _WRONG_TYPE or isinstance(value, dict):
        return FlawReason.WRONG_TYPE
    if kind == "string_pattern_mismatch":
        if fault["loc"][-1] == "id":
            return FlawReason.NOT_AN_ID
        is_code = fault.get("ctx", {}).get("pattern") == _CODE_PATTERN
        return FlawReason.NOT_A_CODE if is_code else FlawReason.OTHER_FORM
    if kind == "value_error":
        if _DATE_FAULT.search(message):
            return FlawReason.NOT_A_DATE
        return FlawReason.NOT_A_NUMBER if _NUMBER_FAULT.search(message) else FlawReason.RULE_BROKEN
    return _BY_STEM.get(kind.partition("_")[0], FlawReason.OTHER_FORM)


_LOOSE_ID = re.compile(r"[A-Za-z0-9._:|~-]{1,255}\Z")


def _harmless(fault: Any) -> str | None:
    """Return what a value may stand for that breaks the standard and says one thing only, None for any other.

    Seen in real records: an id with `_`, a time without a zone, an empty text, a code after a space.
    """
    value, place = fault["input"], fault["loc"]
    if not isinstance(value, str):
        return None
    if value == "":
        return "text" if place[-1] in PROSE else None
    if place == ("id",):
        return "id" if _LOOSE_ID.match(value) else None
    if place[-1] == "code" and value != value.strip():
        return value.strip() or None
    return "2000-01-01T00:00:00Z" if _DATE_FAULT.search(str(fault["msg"])) and loose_date(text=value) else None


def _choices(fault: Any) -> list[str]:
    """Return the elements of which a model demands one, and one only; none where that is not its fault."""
    match = _CHOICE_FAULT.search(str(fault["msg"]))
    return re.findall(r"'(\w+)'", match[1]) if match else []


def _stem(names: Sequence[str]) -> str:
    """Return what the names of a choice have in common, such as "effective"."""
    first, last = min(names), max(names)
    common = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return re.sub(r"[A-Z][a-z]*\Z", "", first[:common]) or first[:common]


def _unknown_names(*, model: type[BaseModel], resource: JsonObject) -> list[str]:
    """Return the members that a type does not have. A model would build an error for each, at many times the cost.

    The models accept some by names of their own, such as `for_fhir`. FHIR has no name like it.
    """
    known = _names_of(model)
    return [name for name in resource if name not in known]


@cache
def _names_of(model: type[BaseModel], /) -> frozenset[str]:
    names = {information.alias or name for name, information in model.model_fields.items()}
    return frozenset(name for name in names if "_" not in name[1:]) | {"resourceType"}


def _at(*, node: Any, place: Place) -> dict[str, Any]:
    for part in place:
        node = node[part] if _holds(node=node, part=part) else None
    return node if isinstance(node, dict) else {}


def _put(*, node: Any, place: Place, value: object) -> None:
    """Put a value at a place whose holder exists."""
    for part in place[:-1]:
        if not _holds(node=node, part=part):
            return
        node = node[part]
    if isinstance(node, dict) or _holds(node=node, part=place[-1]):
        node[place[-1]] = value


def _take_out(*, node: Any, place: Place) -> None:
    for depth, part in enumerate(place):
        inner = node[part] if _holds(node=node, part=part) else None
        if depth + 1 < len(place) and _holds(node=inner, part=place[depth + 1]):
            node = inner
        elif inner is not None or _holds(node=node, part=part):
            del node[part]
            return
        else:
            return


def _holds(*, node: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(node, list) and part < len(node)
    return isinstance(node, dict) and part in node


def _without_empty(value: Any) -> Any:
    """Return a copy without what has become empty, which FHIR does not allow."""
    if isinstance(value, dict):
        pruned = {name: _without_empty(member) for name, member in value.items()}
        return {name: member for name, member in pruned.items() if member not in ({}, [])}
    if isinstance(value, list):
        return [element for element in map(_without_empty, value) if element not in ({}, [])]
    return value
