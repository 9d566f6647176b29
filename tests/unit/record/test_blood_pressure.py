"""A blood pressure is one reading where its two parts are, and are of one kind."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.measurements import PRESSURE_CODES
from tests.factories import concept, lines, observation
from tests.unit.record.test_parts import drawn_in, entry_called, record_of

Json = dict[str, Any]
SYSTOLIC, DIASTOLIC = "72313002", "1091811000000102"
STANDING_SYSTOLIC, STANDING_DIASTOLIC = "400974009", "400975005"


def part(code: str, value: str, unit: str = "mm[Hg]", **members: Any) -> Json:
    return {"code": concept(code=code, display=code), "valueQuantity": {"value": value, "unit": unit}, **members}


def read(*parts: Json, **members: Any) -> tuple[tuple[str, str], ...]:
    return lines(resource=observation(component=list(parts), **members))


def test_two_parts_are_one_reading() -> None:
    assert read(part(SYSTOLIC, "142"), part(DIASTOLIC, "88")) == (("Value", "142/88 mmHg"),)
    assert read(part(DIASTOLIC, "88", "mmHg"), part(SYSTOLIC, "142")) == (("Value", "142/88 mmHg"),)


@pytest.mark.parametrize(("systolic", "diastolic"), PRESSURE_CODES)
def test_each_way_of_taking_it_has_its_two_codes(systolic: frozenset[str], diastolic: frozenset[str]) -> None:
    for top in systolic:
        for bottom in diastolic:
            assert read(part(top, "120"), part(bottom, "80")) == (("Value", "120/80 mmHg"),)


@pytest.mark.parametrize(
    "parts",
    [
        [part(SYSTOLIC, "142"), part(STANDING_DIASTOLIC, "88")],
        [part(STANDING_SYSTOLIC, "142"), part(DIASTOLIC, "88")],
        [part(SYSTOLIC, "142"), part("315613000", "80")],  # a target
        [part(SYSTOLIC, "142", "kPa"), part(DIASTOLIC, "88")],
        [part(SYSTOLIC, "142", ""), part(DIASTOLIC, "88", "")],
        [part(SYSTOLIC, ""), part(DIASTOLIC, "88")],
        [part(SYSTOLIC, "142")],
        [part(SYSTOLIC, "142"), part(SYSTOLIC, "150"), part(DIASTOLIC, "88")],
        [part(SYSTOLIC, "142"), part(DIASTOLIC, "") | {"dataAbsentReason": {"text": "Not heard"}}],
        [
            part(SYSTOLIC, "300") | {"valueQuantity": {"value": "300", "unit": "mmHg", "comparator": ">"}},
            part(DIASTOLIC, "88"),
        ],
    ],
)
def test_what_is_no_pair_is_told_part_by_part(parts: list[Json]) -> None:
    told = read(*parts)
    assert told
    assert not any("/" in value for _, value in told)
    assert all(label != "Value" for label, _ in told)


def test_what_else_is_measured_beside_it_is_told() -> None:
    told = read(part(SYSTOLIC, "142"), part(DIASTOLIC, "88"), part("6797001", "106"))
    assert told == (("Value", "142/88 mmHg"), ("6797001", "106 mm[Hg]"))


def test_the_flag_and_range_of_a_part_are_kept() -> None:
    high = part(SYSTOLIC, "182", interpretation=[{"text": "High"}], referenceRange=[{"text": "under 140"}])
    assert read(high, part(DIASTOLIC, "88")) == (
        ("Value", "182/88 mmHg"),
        ("Flag", f"{SYSTOLIC}: High"),
        ("Reference range", f"{SYSTOLIC}: under 140"),
    )


def test_a_value_of_its_own_stands_before_its_parts() -> None:
    told = read(part(SYSTOLIC, "142"), part(DIASTOLIC, "88"), valueString="Not taken twice")
    assert told[0] == ("Value", "Not taken twice")
    assert len(told) == 3


# Told as a group with two members


def member(id: str, code: str, value: str, **members: Any) -> Json:
    return observation(id=id, **part(code, value), **members) | {"code": concept(code=code, display=id)}


def group() -> Json:
    told = observation(id="g", hasMember=[{"reference": "Observation/s"}, {"reference": "Observation/d"}])
    return told | {"code": {"text": "Blood pressure"}}


def reading_of(*members: Json) -> dict[str, str]:
    return dict(entry_called(record_of(group(), *members), "Blood pressure").details)


def test_a_group_of_two_pressures_is_one_reading_and_they_stay_entries() -> None:
    members = [member("s", SYSTOLIC, "142"), member("d", DIASTOLIC, "88")]
    assert reading_of(*members) == {"Value": "142/88 mmHg"}
    record = record_of(group(), *members)
    assert drawn_in(record, "Blood pressure") == ["s", "d"]
    assert [part.is_told for part in entry_called(record, "Blood pressure").parts] == [True, True]


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"effectiveDateTime": "2020-01-02"},
        {"code": concept(code=STANDING_DIASTOLIC)},
    ],
)
def test_a_member_that_does_not_stand_or_is_of_another_time_makes_no_reading(changed: Json) -> None:
    moment = {"effectiveDateTime": "2020-01-01"}
    members = [member("s", SYSTOLIC, "142", **moment), member("d", DIASTOLIC, "88", **moment) | changed]
    assert reading_of(*members) == {}


def test_a_member_that_is_not_there_makes_no_reading() -> None:
    assert reading_of(member("s", SYSTOLIC, "142")) == {}
