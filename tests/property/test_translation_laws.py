"""The laws of the translation from STU3: R4 comes out of what was STU3, nothing goes unsaid, and nothing stops it."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.gp_connect.names import R4_TYPES
from connectors.gp_connect.translate import is_translated, translate
from fhir_data.releases import Release
from fhir_data.shapes import shape_of
from fhir_data.verdict import ValidEntry, judge
from tests import proofs
from tests.leaves import unsaid
from tests.made_up_resources import made_up, types_of

STU3_TYPES = types_of(release=Release.STU3)
TRANSLATED = [kind for kind in STU3_TYPES if is_translated(kind=kind)]
laws = proofs.laws(examples=12)
seeds = st.integers(min_value=0, max_value=2**32)
# JSON of any kind in any place.
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def as_text(value: Any) -> Any:
    """Return parsed JSON with its numbers as their text."""
    return json.loads(json.dumps(value, default=str), parse_int=str)


@pytest.mark.parametrize("kind", TRANSLATED)
def test_what_is_valid_stu3_becomes_valid_r4_and_no_leaf_goes_unsaid(kind: str) -> None:
    chance = random.Random(kind)
    tried = 0
    for fullness in (0.1, 0.3, 0.5, 0.7, 0.9):
        sent = made_up(kind=kind, chance=chance, fullness=fullness)
        if not isinstance(judge(resource=sent, release=Release.STU3), ValidEntry):
            continue
        before = copy.deepcopy(sent)
        made = translate(resource=sent)
        assert sent == before
        assert made.resource["resourceType"] == R4_TYPES.get(kind, kind)
        assert isinstance(judge(resource=made.resource, release=Release.R4), ValidEntry)
        assert unsaid(sent=as_text(sent), made=as_text(made.resource), notes=made.notes) == []
        tried += 1
    assert tried >= 2


@settings(laws, max_examples=laws.max_examples * 10)
@given(kind=st.sampled_from(TRANSLATED), seed=seeds, data=st.data())
def test_anything_in_any_member_stops_no_translation_and_goes_nowhere_unsaid(
    kind: str, seed: int, data: st.DataObject
) -> None:
    broken = made_up(kind=kind, chance=random.Random(seed), fullness=0.4)
    shape = shape_of(name=kind, release=Release.STU3)
    assert shape is not None
    members = st.sampled_from(sorted(shape.elements)) | st.text(max_size=5)
    for name in data.draw(st.lists(members, min_size=1, max_size=4)):
        if name != "resourceType":
            broken[name] = data.draw(anything)
    made = translate(resource=broken)
    assert unsaid(sent=as_text(broken), made=as_text(made.resource), notes=made.notes) == []


def test_nearly_every_type_of_stu3_is_translated() -> None:
    assert Counter(is_translated(kind=kind) for kind in STU3_TYPES) == {True: 103, False: 13}
