"""Resources that a source might send in place of sound ones: one member changed, added, renamed or taken away."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

Holder = dict[str, Any] | list[Any]
Place = tuple[Holder, Any]

TIMES = (
    *("2024", "2024-05", "2024-05-01", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00.123+01:00", "2024-02-29"),
    *("0000", "0000-01-01", "24", "2024-5-1", "2024-13", "2024-00", "2024-02-30", "2023-02-29", "1900-02-29"),
    *("2024-04-31", "2024-05-32", "2024-05-00", "2024-05-01T10:00", "2024-05-01T10:00:00", "2024-05-01 10:00:00Z"),
    *("2024-05-01T24:00:00Z", "2024-05-01T10:60:00Z", "2016-12-31T23:59:60Z", "2024-05-01T10:00:61Z"),
    *("2024-05-01t10:00:00z", "2024-05-01T10:00:00+14:00", "2024-05-01T10:00:00+14:01", "2024-05-01T10:00:00+15:00"),
    *("2024-05-01T10:00:00.Z", "2024-05-01T10:00:00,5Z", "2024-05-01T10:00:00.123456789012Z", "20240501", "1714550400"),
    *("2024-05-01\n", " 2024-05-01", "2024-05-01 ", "٢٠٢٤-٠٥-٠١", "２０２４", "2024-05-01Z", "-2024", "+2024", "12024"),
    *("10:00:00", "10:00", "25:00:00", "10:00:60", "10:00:00.5", "T10:00:00", "10:00:00Z", "١٠:٠٠:٠٠"),
)
TEXTS = (
    *(
        "",
        " ",
        "  ",
        "\n",
        "\t",
        "\r\n",
        "\u00a0",
        "\u2003",
        "\u2028",
        "\u3000",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\u200b",
    ),
    *(
        "a",
        " a",
        "a ",
        "a  b",
        "a b",
        "a\tb",
        "a\nb",
        "a\n",
        "\na",
        "a\u00a0b",
        "\u00a0a",
        "a\u2003",
        "\x0ba",
        "\ufeff",
    ),
    *("{}", '{"a":1}', ' {"reference":"Patient/2"}', "[1]", "null", "text", "true", "false", "True", "yes", "1", "0"),
    *(
        "5",
        "5.0",
        "-1",
        "1e5",
        "1e1000000",
        "٥",
        "NaN",
        "Infinity",
        "0x10",
        "1_000",
        "+1",
        "007",
        " 7",
        "7\n",
        "9" * 41,
    ),
    *("A-1.b", "a_b", "a/b", "Ａ", "x" * 64, "x" * 65, "x" * 255, "x" * 256, "é", "😀", 'a"b', "a\\b", "a\x00b"),
    *("http://a", "http://a b", "urn:oid:1.2.3", "urn:oid:1.2.3\n", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:١.٢"),
    *("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:1"),
    *(
        "urn:uuid:C757873D-EC9A-4326-A141-556F43239520",
        "urn:uuid:c757873d-ec9a-1326-a141-556f43239520",
        "#a",
        "?",
        "//",
    ),
    *("aGk=", "aGk", "aGk==", "aG k=", "a-k=", "aGk=\n", "=", "====", "aGlo", "aG==", "javascript:alert(1)"),
    *("boolean", "string", "final", "<div></div>", "<script/>", "Patient/1", "x" * 70_000),
)
NUMBERS = (
    *(0, 1, -1, 5, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63, 2**64, 10**20, 10**39, 10**41, -(10**40)),
    *(Decimal(text) for text in ("5.0", "5.5", "-0.0", "7.10", "1E+2", "1E+30", "1E-30", "1E+31", "0E-7", "1.50E+3")),
)
ADDED = ("\n", " ", "\u00a0", "\x00", "٣", "Z", "\t", "\x1c", "0", "=", "\u2028")
HOSTILE: tuple[Any, ...] = (*TIMES, *TEXTS, *NUMBERS, True, False)


def with_hostile_value(*, resource: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a copy in which one text, number or truth is another."""
    made = copy.deepcopy(resource)
    leaves = [place for place in _places(made) if not isinstance(_at(place), dict | list)]
    holder, part = chance.choice(leaves)
    value = holder[part]
    drawn: list[Any] = [chance.choice(HOSTILE)]
    if isinstance(value, str):
        spoilt = chance.choice(ADDED)
        drawn += [chance.choice(TIMES), value + spoilt, spoilt + value, value[:-1], value.title(), value * 3, [value]]
        cut = chance.randrange(len(value) + 1)
        drawn.append(value[:cut] + spoilt + value[cut:])
    else:
        drawn += [str(value), str(value).lower(), int(value), bool(value), chance.choice(NUMBERS)]
    holder[part] = chance.choice(drawn)
    return made


def with_other_structure(*, resource: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a copy in which one member, or an element of a list, has changed its shape, its name or its place."""
    made = copy.deepcopy(resource)
    holder, part = chance.choice(list(_places(made)))
    chance.choice(_CHANGES)(made, (holder, part), chance)
    return made


def _places(node: Holder, /) -> Iterator[Place]:
    pending: list[Holder] = [node]
    while pending:
        holder = pending.pop()
        for part, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            yield holder, part
            if isinstance(value, dict | list):
                pending.append(value)


def _at(place: Place, /) -> Any:
    holder, part = place
    return holder[part]


Change = Callable[[dict[str, Any], Place, random.Random], None]


def _take_out(_: dict[str, Any], place: Place, __: random.Random) -> None:
    holder, part = place
    del holder[part]


def _put(value: Callable[[Any], Any], /) -> Change:
    def put(_: dict[str, Any], place: Place, __: random.Random) -> None:
        holder, part = place
        holder[part] = value(holder[part])

    return put


def _put_what_is_elsewhere(made: dict[str, Any], place: Place, chance: random.Random) -> None:
    holder, part = place
    holder[part] = copy.deepcopy(_at(chance.choice(list(_places(made)))))


def _rename(_: dict[str, Any], place: Place, chance: random.Random) -> None:
    holder, part = place
    if isinstance(holder, dict):
        names = [f"_{part}", f"{part}s", part.upper(), part.removeprefix("_"), chance.choice(_MEMBERS), "for_fhir"]
        holder[chance.choice(names)] = holder.pop(part)
    else:
        holder.append(copy.deepcopy(holder[part]))


def _add(made: dict[str, Any], place: Place, chance: random.Random) -> None:
    """Add a member to an object, such as a second choice, or words about a primitive."""
    holder, part = place
    objects = [inner for inner in (holder, holder[part], made) if isinstance(inner, dict)]
    target = chance.choice(objects)
    name = chance.choice([*_MEMBERS, *(f"_{name}" for name in target), chance.choice(list(target) or ["id"]) + "s"])
    if name.startswith("_"):
        value: Any = chance.choice(_ABOUT_PRIMITIVES)
        value = chance.choice([value, value, [value], [None, value]])
    else:
        value = chance.choice([chance.choice(HOSTILE), copy.deepcopy(chance.choice(_PARTS)), copy.deepcopy(_at(place))])
        value = chance.choice([value, value, [value]])
    target[name] = value


_CHANGES: tuple[Change, ...] = (
    _take_out,
    _take_out,
    _put_what_is_elsewhere,
    _rename,
    _rename,
    _add,
    _add,
    _add,
    _put(lambda _: None),
    _put(lambda _: ""),
    _put(lambda _: []),
    _put(lambda _: {}),
    _put(lambda value: [value]),
    _put(lambda value: [value, value]),
    _put(lambda value: [value, None]),
    _put(lambda value: {"value": value}),
    _put(lambda value: value[0] if isinstance(value, list) and value else 5),
    _put(lambda value: [*value[:1], []] if isinstance(value, list) else True),
    _put(lambda value: str(value)),
)
_MEMBERS = (
    "id extension modifierExtension contained meta text implicitRules language resourceType resource_type fhir_comments"
    " valueString valueCode valueQuantity valueDateTime valueBoolean valueInteger valueDecimal valueUri"
    " valueBase64Binary valueUuid valueOid valueId valueTime valueUrl valueMarkdown valueReference valuePeriod"
    " effectiveDateTime effectivePeriod onsetDateTime onsetString deceasedBoolean deceasedDateTime medicationReference"
    " status code coding value unit system reference identifier display url data contentType start end period"
    " note lockedDate"
).split()
_SAID = {"url": "http://example.org/why", "valueCode": "unknown"}
_ABOUT_PRIMITIVES: tuple[Any, ...] = (
    {"extension": [_SAID]},
    {"extension": []},
    {"extension": [{}]},
    {"id": "a"},
    {"id": ""},
    {"fhir_comments": "a"},
    {},
    None,
    "a",
)
_PARTS: tuple[Any, ...] = (
    _SAID,
    {"url": "http://example.org/more", "extension": [_SAID, _SAID]},
    {"url": "http://example.org/both", "extension": [_SAID], "valueString": "a"},
    {"valueString": "a"},
    {"coding": [{"system": "http://example.org", "code": "a", "display": "b"}], "text": "c"},
    {"value": 5, "unit": "g"},
    {"value": "5", "unit": "g"},
    {"start": "2024", "end": "2025"},
    {"reference": "Patient/1"},
    {"versionId": "1", "lastUpdated": "2024-05-01T10:00:00Z", "security": [{"code": "R"}]},
    {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>a</div>"},
    {"resourceType": "Medication", "id": "m", "code": {"text": "a"}},
    {"resourceType": "Medication", "id": "m", "code": "a"},
    {"resourceType": "Patient", "contained": [{"resourceType": "Patient", "gender": ""}]},
    {"resourceType": "Bundle", "type": "collection"},
    {"resourceType": "Nonsense"},
    {"contentType": "text/plain", "url": "javascript:alert(1)"},
    {"contentType": "application/pdf", "data": "aGk="},
)
