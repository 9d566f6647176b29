"""An independent count: what a practice sent is in what was made of it, in a notice, or named in the item's notes.

It reads the raw JSON by a walk of its own and shares no code with the translation.
"""

from __future__ import annotations

import copy
import json
import random
import tracemalloc
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.contract.values import ReceivedItem, Reply
from connectors.gp_connect.translate import is_translated, translate
from tests.contract.loopback import CONNECTORS
from tests.contract.real_payloads import GP_RECORDS, names, needs_payloads, payloads
from tests.leaves import unsaid

pytestmark = needs_payloads

STRANGERS = payloads("synthea_stu3/*.json")


def parsed(payload: bytes) -> Any:
    """Parse with every number as its text, so that 7.10 and 7.1 differ."""
    return json.loads(payload.decode("utf-8-sig"), parse_float=str, parse_int=str)


def check(item: ReceivedItem) -> list[str]:
    sent = parsed(item.original or item.resource)
    if sent["resourceType"] == "List":  # what it contains is an item of its own
        sent.pop("contained", None)
    return unsaid(sent=sent, made=parsed(item.resource), notes=item.notes)


@cache
def convert(path: Path) -> Reply:
    return CONNECTORS["gp_connect"].convert(payload=path.read_bytes())


def lost_leaves(reply: Reply) -> list[str]:
    lost = [path for item in reply.items for path in check(item)]
    if reply.subject:
        lost += unsaid(
            sent=parsed(reply.subject_original or b""), made=parsed(reply.subject), notes=reply.subject_notes
        )
    return lost


@pytest.mark.parametrize("path", [*GP_RECORDS, *STRANGERS], ids=names)
def test_every_leaf_of_an_answer_is_carried_or_named(path: Path) -> None:
    assert Counter(lost_leaves(convert(path))) == {}


@pytest.mark.parametrize("path", GP_RECORDS, ids=names)
def test_every_resource_of_a_structured_record_is_translated(path: Path) -> None:
    assert [item.resource[:60] for item in convert(path).items if not item.translated] == []


def entries_of(path: Path) -> list[dict[str, Any]]:
    sent = json.loads(path.read_text("utf-8-sig"), parse_float=Decimal)
    return [entry["resource"] for entry in sent["entry"]]


WRONG: tuple[Any, ...] = (
    7,
    Decimal("1.50"),
    True,
    None,
    "",
    " ",
    "text",
    [],
    {},
    [None],
    ["a", 3],
    {"a": {"b": "c"}},
    [[{"x": 1}]],
)


def mutated(resource: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a copy in which one value somewhere is of another kind, or an unknown member stands beside it."""
    changed = copy.deepcopy(resource)
    node: Any = changed
    while True:
        inner = [
            value for value in (node.values() if isinstance(node, dict) else node) if isinstance(value, (dict, list))
        ]
        inner = [value for value in inner if value]
        if not inner or chance.random() < 0.4:
            break
        node = chance.choice(inner)
    place = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
    if place not in ("resourceType", "subject", "patient"):
        node[place] = chance.choice(WRONG)
    return changed


@pytest.mark.parametrize("path", [*GP_RECORDS, *STRANGERS][::3], ids=names)
def test_a_member_of_another_kind_costs_no_other_leaf_unsaid(path: Path) -> None:
    """Straight through the translation, since a verdict may refuse what is broken here."""
    chance = random.Random(path.name)
    tried = 0
    for resource in chance.sample(entries_of(path), k=min(60, len(entries_of(path)))):
        if not is_translated(kind=resource["resourceType"]):
            continue
        for _ in range(3):
            broken = mutated(resource, chance)
            made = translate(resource=broken)
            sent, again = (
                json.loads(json.dumps(value, default=str), parse_int=str) for value in (broken, made.resource)
            )
            assert unsaid(sent=sent, made=again, notes=made.notes) == [], broken
            tried += 1
    assert tried


def test_the_largest_answer_takes_less_memory_than_120_mb() -> None:
    payload = max(GP_RECORDS, key=lambda path: path.stat().st_size).read_bytes()
    tracemalloc.start()
    CONNECTORS["gp_connect"].convert(payload=payload)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 120_000_000
