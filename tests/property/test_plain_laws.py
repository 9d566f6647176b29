"""The law of plain entries: what a process has read before changes nothing of what it reads.

An entry comes again byte for byte, in the answer about the same patient or about another, under another address, beside
other entries, labelled by another Bundle.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from connectors.contract.errors import Malformed
from connectors.fhir_r4.plain import PlainEntries
from connectors.reading import split_answer
from fhir_data.belonging import members_that_say_whose
from fhir_data.exact_json import encode
from fhir_data.releases import Release
from fhir_data.splitting import SplitPayload
from tests import proofs
from tests.contract.real_payloads import needs_payloads, payloads
from tests.mutants import with_hostile_value, with_other_structure
from tests.property.test_struct_laws import PATTERNS, SEED, corpus
from tests.rereading import read_knowing

ANSWERS = 60 * (proofs.TIMES_IN_PROVE if proofs.is_proving() else 1)
BASE, ELSEWHERE = "https://hospital.example/fhir", "https://other.example/fhir"
UUID = "0b0e8a3a-4b7e-4c51-9d2b-6f0c1f2d3e4f"
NUMBERS = ("9990001006", "9990001014")
SUBJECTS: tuple[Any, ...] = (
    *[{"reference": "Patient/ours"}] * 6,
    {"reference": "Patient/other"},
    {"reference": f"{BASE}/Patient/ours"},
    {"reference": f"{ELSEWHERE}/Patient/ours"},
    {"reference": f"urn:uuid:{UUID}"},
    {"reference": "Patient/ours", "identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NUMBERS[1]}},
    {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NUMBERS[0]}},
    {"reference": "#p"},
    {"display": "Somebody else"},
    None,
)
LABELS = ("R", "N", "V")


def patient(key: str, number: str) -> dict[str, Any]:
    identifier = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": number}
    return {"resourceType": "Patient", "id": key, "identifier": [identifier]}


def resource(chance: random.Random) -> dict[str, Any]:
    """Return a resource that is sound or nearly so, which names somebody in one of many ways, or nobody."""
    made = dict(chance.choice(corpus(Release.R4)))
    members = [name for name in members_that_say_whose(kind=made["resourceType"]) if name != "contained"]
    for name in members:
        if name in made and chance.random() < 0.9:
            said = chance.choice(SUBJECTS)
            made[name] = [said] if isinstance(made[name], list) else said
            if said is None:
                del made[name]
    if chance.random() < 0.1:
        made = with_hostile_value(resource=made, chance=chance)
    elif chance.random() < 0.1:
        made = with_other_structure(resource=made, chance=chance)
    if chance.random() < 0.1:
        security = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": chance.choice(LABELS)}
        made["meta"] = {"security": [security]}
    return made


def provenance(chance: random.Random, *, of: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a Provenance of some resources, which may all be somebody else's."""
    targets = [{"reference": f"{each['resourceType']}/{each.get('id', 'none')}"} for each in chance.sample(of, k=2)]
    return {
        "resourceType": "Provenance",
        "id": f"p{chance.randrange(10**6)}",
        "target": targets[: chance.choice((1, 1, 2))],
        "recorded": "2024-05-01T10:00:00Z",
        "agent": [{"who": {"display": "A nurse"}}],
    }


def answer(chance: random.Random, *, entries: list[bytes]) -> SplitPayload:
    """Return a page with some of these entries, of one patient or of two, under addresses or none."""
    bases = [chance.choice((BASE, ELSEWHERE, "")) for _ in range(2)]
    people = [patient("ours", NUMBERS[0])] + ([patient("other", NUMBERS[1])] if chance.random() < 0.4 else [])
    some = [*map(encode, people), *chance.sample(entries, k=min(len(entries), 12))]
    sent = []
    for number, body in enumerate(some):
        base = chance.choice(bases)
        url = b'"fullUrl":"%s/Condition/%d",' % (base.encode(), number) if base else b""
        sent.append(b'{%s"resource":%s}' % (url, body))
    meta = b'"meta":{"security":[{"system":"urn:x","code":"R"}]},' if chance.random() < 0.2 else b""
    return split_answer(
        payload=b'{"resourceType":"Bundle",%s"type":"searchset","entry":[%s]}' % (meta, b",".join(sent))
    )


def test_what_was_read_before_changes_nothing_of_what_is_read() -> None:
    chance = random.Random(SEED)
    resources: list[dict[str, Any]] = []
    for _ in range(ANSWERS):
        resources += (resource(chance), resource(chance), resource(chance))
        resources.append(provenance(chance, of=resources[-3:]))
    entries = list(map(encode, resources))
    known = PlainEntries(generation=200)  # fewer than there are, so that some are forgotten
    hits, told_of_others = 0, 0
    for number in range(ANSWERS):
        page = answer(chance, entries=entries[2 * number : 2 * number + 30])
        hits += sum(known.find(entry=entry.sent) is not None for entry in page.entries)
        asked = chance.choice(("ours", "other", None))
        anew = read_knowing(PlainEntries(), pages=[page], patient_id=asked, base=BASE)
        assert read_knowing(known, pages=[page], patient_id=asked, base=BASE) == anew, f"seed {SEED}"
        told_of_others += sum(b'"Provenance"' in aside.original for aside in anew.quarantined)
    assert hits > ANSWERS * 2
    assert told_of_others


@needs_payloads
@pytest.mark.parametrize("path", payloads(*PATTERNS[Release.R4]), ids=lambda path: path.name)
def test_a_published_answer_is_read_again_as_it_was_read(path: Any) -> None:
    try:
        page = split_answer(payload=path.read_bytes())
    except Malformed:  # an example of what cannot be read
        return
    known = PlainEntries()
    anew = read_knowing(known, pages=[page], patient_id=None, base=BASE)
    assert read_knowing(known, pages=[page], patient_id=None, base=BASE) == anew
