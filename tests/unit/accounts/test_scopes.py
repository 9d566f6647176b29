"""What scopes say, and what one set of them includes of another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.accounts.scopes import EVERY_TYPE, Scope, Scopes, of, read_scopes
from aggregator.errors import Invalid

TYPES = ["Patient", "Observation", "Condition"]
scopes = st.lists(
    st.builds(Scope, resource_type=st.sampled_from([EVERY_TYPE, *TYPES]), may=st.sampled_from(["r", "s", "rs"])),
    min_size=1,
    max_size=4,
).map(of)


def test_scopes_are_read_each_once_and_in_order() -> None:
    read = read_scopes(text="system/Patient.r  system/Observation.rs system/Patient.r")
    assert str(read) == "system/Observation.rs system/Patient.r"
    assert read.types == ("Observation", "Patient")
    assert not read.reads_every_type
    assert read_scopes(text="system/*.rs").reads_every_type
    assert not read_scopes(text="system/*.s").reads_every_type


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "system/*.read",
        "system/*.*",
        "system/Patient.read",
        "system/Patient.cruds",
        "system/Patient.c",
        "system/Patient.sr",
        "system/Patient.",
        "system/patient.r",
        "system/Patient",
        "system/.r",
        "system/**.r",
        "system/Pati\u00e9nt.r",
        "system/Observation.rs?category=laboratory",
        "user/*.rs",
        "patient/*.rs",
        "SYSTEM/*.rs",
        "openid",
        "offline_access",
        "system/*.rs openid",
        "system/*.rs\tsystem/Patient.r",
        "system/*.rs\n",
        " ".join(["system/Patient.r"] * 500),
    ],
)
def test_what_is_not_understood_is_refused_and_nothing_is_left_out_silently(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_scopes(text=text)
    assert refused.value.code == "invalid-scope"
    assert text.strip() == "" or text not in str(refused.value)


@pytest.mark.parametrize(
    ("registered", "asked", "is_included"),
    [
        ("system/*.rs", "system/*.rs", True),
        ("system/*.rs", "system/Patient.r system/Observation.s", True),
        ("system/*.r", "system/*.rs", False),
        ("system/*.r", "system/Patient.s", False),
        ("system/Patient.rs", "system/*.rs", False),
        ("system/Patient.rs", "system/Patient.r", True),
        ("system/Patient.r system/Patient.s", "system/Patient.rs", True),
        ("system/*.r system/Patient.s", "system/Patient.rs", True),
        ("system/Patient.rs", "system/Observation.r", False),
        ("system/Observation.rs", "system/ObservationDefinition.r", False),
    ],
)
def test_what_is_asked_for_must_be_within_what_was_registered(registered: str, asked: str, is_included: bool) -> None:
    assert read_scopes(text=registered).includes(read_scopes(text=asked)) is is_included


@given(mine=scopes, yours=scopes, name=st.sampled_from([*TYPES, "Flag"]))
def test_scopes_that_are_included_never_read_more(mine: Scopes, yours: Scopes, name: str) -> None:
    assert read_scopes(text=str(mine)) == mine
    assert mine.includes(mine)
    assert of([*mine.scopes, *yours.scopes]).includes(mine)
    if mine.includes(yours) and yours.may_read(name):
        assert mine.may_read(name)
