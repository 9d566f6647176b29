"""The laws of structs: they accept only what the models accept, and no verdict depends on whether they are asked.

Each law is tried on published payloads, where they are at hand, and on resources made up along the models; each counts
how many of its cases were accepted by a struct, and how many refused.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import msgspec
import pytest

from connectors.contract.errors import Malformed
from connectors.reading import split_answer
from fhir_data import structs
from fhir_data.errors import UnreadableEntry
from fhir_data.exact_json import encode
from fhir_data.examination import is_accepted as is_accepted_by_model
from fhir_data.parsing import parse_entry, parse_quickly
from fhir_data.releases import Release, model_of
from fhir_data.shapes import Kind, shape_of
from fhir_data.verdict import ValidEntry, judge, judge_by_models, verdict, verdict_of_models
from tests import proofs
from tests.contract.real_payloads import needs_payloads, payloads
from tests.made_up_resources import SOUND, made_up, types_of
from tests.mutants import ADDED, HOSTILE, with_hostile_value, with_other_structure

MUTANTS = 1_000 * (proofs.TIMES_IN_PROVE if proofs.is_proving() else 1)
# The same cases each time in `make test`, others each time in `make prove`: a failure names the seed.
SEED = random.SystemRandom().randrange(2**32) if proofs.is_proving() else 1
PATTERNS = {
    Release.R4: ("ips/*.json", "synthea_r4/*.json", "nhs_r4/**/*.json", "pds_r4/**/*.json"),
    Release.STU3: ("gpconnect_stu3/**/*.json", "synthea_stu3/*.json"),
}
each_release = pytest.mark.parametrize("release", Release)


@cache
def published(release: Release) -> tuple[bytes, ...]:
    """Return the entries of published payloads, a few of the same type out of each; all of them in `make prove`."""
    found: list[bytes] = []
    for path in payloads(*PATTERNS[release]):
        try:
            entries = split_answer(payload=path.read_bytes()).entries
        except Malformed:  # an example of what cannot be read
            continue
        seen: Counter[bytes] = Counter()
        for entry in entries:
            kind = (entry.resource or b"")[:60]
            seen[kind] += 1
            if entry.resource and (proofs.is_proving() or seen[kind] <= 3):
                found.append(entry.resource)
    return tuple(found)


@cache
def invented(release: Release) -> tuple[dict[str, Any], ...]:
    """Return resources of all types that the models accept."""
    chance = random.Random(SEED)
    made = (
        made_up(kind=kind, chance=chance, fullness=fullness, release=release)
        for kind in types_of(release=release)
        for fullness in (0.1, 0.4, 0.8)
    )
    return tuple(one for one in made if isinstance(judge_by_models(resource=one, release=release), ValidEntry))


@cache
def corpus(release: Release) -> tuple[dict[str, Any], ...]:
    """Return sound resources, half of them published where those are at hand."""
    parsed = [parse_quickly(entry=entry) for entry in published(release)]
    real = [one[0] for one in parsed if one is not None and 200 < len(one[1]) < 8_000]
    return (*invented(release), *random.Random(SEED).sample(real, min(len(real), len(invented(release)))))


def accepted_by_struct(*, resource: dict[str, Any], release: Release) -> bool:
    try:
        body = encode(resource)
    except (ValueError, OverflowError):
        return False
    return structs.is_accepted(body=body, name=str(resource.get("resourceType")), release=release)


def exactly(value: object) -> str:
    """Tell apart what compares as equal: 7.1 and 7.10, 1 and true."""
    return repr(value)


Mutator = Callable[..., dict[str, Any]]


@each_release
@pytest.mark.parametrize("mutate", [with_hostile_value, with_other_structure])
def test_what_a_struct_accepts_the_model_accepts(mutate: Mutator, release: Release) -> None:
    chance = random.Random(SEED)
    reached: Counter[str] = Counter()
    for _ in range(MUTANTS):
        mutant = mutate(resource=chance.choice(corpus(release)), chance=chance)
        model = model_of(name=str(mutant.get("resourceType")), release=release)
        if not accepted_by_struct(resource=mutant, release=release):
            reached["refused"] += 1
            continue
        reached["accepted"] += 1
        assert model is not None
        assert is_accepted_by_model(model=model, resource=mutant), (SEED, encode(mutant))
        # Texts that the model would take for something else, and a status that is no status, are told apart elsewhere.
        assert exactly(judge(resource=mutant, release=release)) == exactly(
            judge_by_models(resource=mutant, release=release)
        ), (SEED, encode(mutant))
    assert min(reached["accepted"], reached["refused"]) >= MUTANTS // 10, reached


@each_release
def test_no_hostile_value_of_any_primitive_is_accepted_that_the_model_refuses(release: Release) -> None:
    shape = shape_of(name="Basic", release=release)
    model = model_of(name="Basic", release=release)
    assert shape is not None
    assert model is not None
    reached: Counter[tuple[str, bool]] = Counter()
    for name, element in shape.elements["extension"].shape.elements.items():
        if element.choice != "value" or element.kind is Kind.OBJECT:
            continue
        for value in (*HOSTILE, *spoilt(SOUND.get(element.type_name, ("a",)))):
            said = {"url": "http://example.org/a", name: value}
            resource = {"resourceType": "Basic", "code": {"text": "a"}, "extension": [said]}
            is_accepted = accepted_by_struct(resource=resource, release=release)
            reached[element.type_name, is_accepted] += 1
            assert not is_accepted or is_accepted_by_model(model=model, resource=resource), said
    kinds = {kind for kind, _ in reached}
    assert len(kinds) >= 16
    assert [kind for kind in sorted(kinds) if not reached[kind, True]] == []
    assert [kind for kind in sorted(kinds) if not reached[kind, False]] == []


def spoilt(values: Iterable[Any], /) -> list[Any]:
    """Return each text as it is, cut short, and with something at its beginning or end that does not belong there."""
    texts = [value for value in values if isinstance(value, str)]
    return [
        *values,
        *(text + more for text in texts for more in ADDED),
        *(more + text for text in texts for more in ADDED),
        *(text[:-1] for text in texts),
    ]


@each_release
@pytest.mark.parametrize("mutate", [with_hostile_value, with_other_structure])
def test_a_verdict_is_the_same_without_structs(mutate: Mutator, release: Release) -> None:
    chance = random.Random(SEED + 1)
    reached: Counter[str] = Counter()
    for _ in range(MUTANTS // 4):
        entry = encode(mutate(resource=chance.choice(corpus(release)), chance=chance))
        by_models = verdict_of_models(entry=entry, release=release)
        assert exactly(verdict(entry=entry, release=release)) == exactly(by_models), (SEED, entry)
        reached[type(by_models).__name__] += 1
    assert min(reached.values()) >= MUTANTS // 200, reached
    assert len(reached) == 3


@needs_payloads
@each_release
def test_a_published_entry_has_the_same_verdict_without_structs(release: Release) -> None:
    entries = published(release)
    reached: Counter[str] = Counter()
    for entry in entries:
        by_models = verdict_of_models(entry=entry, release=release)
        assert exactly(verdict(entry=entry, release=release)) == exactly(by_models)
        parsed = parse_quickly(entry=entry)
        by_struct = parsed is not None and accepted_by_struct(resource=parsed[0], release=release)
        reached["accepted"] += by_struct
        reached["left to the model"] += isinstance(by_models, ValidEntry) and not by_struct
    assert reached["left to the model"] <= len(entries) // 50, reached
    assert reached["accepted"] >= len(entries) * 9 // 10, reached


@each_release
def test_a_struct_accepts_nearly_every_sound_resource_of_any_type(release: Release) -> None:
    found = Counter(accepted_by_struct(resource=one, release=release) for one in invented(release))
    assert found[True] >= 100
    assert found[False] <= found[True] // 100


@each_release
def test_what_is_parsed_quickly_is_what_is_parsed_with_all_guards(release: Release) -> None:
    chance = random.Random(SEED + 2)
    reached: Counter[str] = Counter()
    for _ in range(MUTANTS * 2):
        entry = with_other_bytes(entry=encode(chance.choice(corpus(release))), chance=chance)
        quick = parse_quickly(entry=entry)
        try:
            parsed = parse_entry(entry=entry).resource
        except UnreadableEntry as unreadable:
            reached[unreadable.fault] += 1
            name = str(quick[0].get("resourceType")) if quick else ""
            assert quick is None or not structs.is_accepted(body=quick[1], name=name, release=release), (SEED, entry)
            continue
        reached["parsed"] += 1
        reached["parsed quickly"] += quick is not None
        if quick is not None:
            assert exactly(quick[0]) == exactly(parsed), (SEED, entry)
            assert msgspec.json.decode(quick[1]) == msgspec.json.decode(json.dumps(parsed, default=float)), (
                SEED,
                entry,
            )
        assert exactly(verdict(entry=entry, release=release)) == exactly(
            verdict_of_models(entry=entry, release=release)
        ), (SEED, entry)
    assert reached["parsed quickly"] >= reached["parsed"] // 2
    for fault in ("invalid", "duplicate-key", "bad-number", "bad-text", "too-deep"):
        assert reached[fault] >= MUTANTS // 100, reached


def with_other_bytes(*, entry: bytes, chance: random.Random) -> bytes:
    """Return an entry spelt otherwise, or broken."""
    at = chance.randrange(len(entry) + 1)
    names = [b'"resourceType"', b'"id"', b'"status"', b'"code"', b'"url"', b'"system"', b'"value"', b'"text"']
    name = chance.choice([name for name in names if name in entry])
    another = chance.choice([b"1", b'""', b'"a:b"', b'"\\u0022"', b'"\\u0022\\u0022"', b"{}", b'{"id":"x"}', b"null"])
    deep = chance.choice([3, 30, 61, 62, 70, 200])
    return chance.choice(
        [
            entry[:at] + bytes([chance.randrange(256)]) + entry[at:],
            entry[:at] + entry[at + 1 :],
            entry[:at],
            entry.replace(b":", b" :\r\n\t", chance.randrange(20)),
            json.dumps(json.loads(entry), indent=2).encode(),
            entry.replace(name, name + b":" + another + b"," + name, 1),
            entry.replace(name, name + b":" + another + b"," + name, 1),
            entry[:-1] + b"," + name + b":" + another + b"}",
            entry.replace(b"a", b"\\u0061", chance.randrange(6)),
            entry.replace(b"e", b"\\u0022", chance.randrange(3)),
            entry.replace(b"e", chance.choice([b"\\u0000", b"\\ud800", b"\\udC00", b"\\\\u0000"]), 1),
            entry.replace(b":1", chance.choice([b":1e31", b":1E5", b":" + b"1" * 41, b":0." + b"1" * 39, b":NaN"]), 1),
            entry[:-1] + b',"extension":' + b'[{"url":"u","extension":' * deep + b"1" + b"}]" * deep + b"}",
            entry[:-1] + b',"_language":{"extension":' + b"[" * deep + b"]" * deep + b"}}",
            entry[:-1] + b',"extension":[{"url":"u","valueDecimal":%s}]}' % chance.choice(_NUMBERS),
            entry[:-1] + b',"implicitRules":"%s"}' % chance.choice([b"\\f", b"\\u00a0", b"\\u000b", b"a\\fb", b"\\/"]),
        ]
    )


_NUMBERS = (
    b"1e30",
    b"1e31",
    b"1E-30",
    b"1e999999999",
    b"1e0000000031",
    b"-" + b"9" * 39,
    b"9" * 31,
    b"9" * 40,
    b"9" * 41,
    b"1.0",
)
