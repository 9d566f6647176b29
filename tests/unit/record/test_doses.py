"""A dose part by part: amounts, rates and words in a form that compares, and the parts that the words leave out."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.record.dosages import dosage_text, dosages_of, parts_untold
from aggregator.record.doses import coded_dose, dose_of
from tests.factories import lines, order

Json = dict[str, Any]


def quantity(value: str, unit: str, **members: str) -> Json:
    return {"value": value, "unit": unit, **members}


def timed(**repeat: str) -> Json:
    return {"timing": {"repeat": repeat}}


def rates(*dosages: Json) -> tuple[str, ...]:
    return dose_of(dosages=dosages).rates


def amounts(*parts: Json) -> tuple[str, ...]:
    return dose_of(dosages=[{"doseAndRate": list(parts)}]).amounts


# How much


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ({"doseQuantity": quantity("500", "mg")}, {"doseQuantity": quantity("0.5", "g")}),
        ({"rateQuantity": quantity("1", "L")}, {"rateQuantity": quantity("1000", "mL")}),
        (
            {"doseRange": {"low": quantity("1", "g"), "high": quantity("2", "g")}},
            {"doseRange": {"low": quantity("1000", "mg"), "high": quantity("2000", "mg")}},
        ),
        (
            {"rateRange": {"low": quantity("1", "L"), "high": quantity("2", "L")}},
            {"rateRange": {"low": quantity("1000", "mL"), "high": quantity("2000", "mL")}},
        ),
        (
            {"rateRatio": {"numerator": quantity("1", "L"), "denominator": quantity("8", "h")}},
            {"rateRatio": {"numerator": quantity("1000", "mL"), "denominator": quantity("8", "h")}},
        ),
    ],
)
def test_an_amount_in_another_unit_is_the_same_amount(one: Json, another: Json) -> None:
    assert amounts(one) == amounts(another) != ()


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ({"doseRange": {"low": quantity("1", "mg")}}, {"doseRange": {"low": quantity("2", "mg")}}),
        (
            {"doseRange": {"low": quantity("1", "mg"), "high": quantity("2", "mg")}},
            {"doseRange": {"low": quantity("1", "mg"), "high": quantity("4", "mg")}},
        ),
        (
            {"doseRange": {"low": quantity("1", "mg"), "high": quantity("2", "mg")}},
            {"doseRange": {"low": quantity("0.5", "mg"), "high": quantity("2", "mg")}},
        ),
        ({"rateRange": {"high": quantity("2", "mL")}}, {"rateRange": {"high": quantity("4", "mL")}}),
        (
            {"rateRatio": {"numerator": quantity("1", "L"), "denominator": quantity("8", "h")}},
            {"rateRatio": {"numerator": quantity("1", "L"), "denominator": quantity("4", "h")}},
        ),
        (
            {"rateRatio": {"numerator": quantity("1", "L"), "denominator": quantity("8", "h")}},
            {"rateRatio": {"numerator": quantity("2", "L"), "denominator": quantity("8", "h")}},
        ),
        ({"doseQuantity": quantity("1", "mg")}, {"doseQuantity": quantity("1", "mg", comparator="<")}),
    ],
)
def test_an_amount_that_differs_at_either_end_is_another_amount(one: Json, another: Json) -> None:
    assert amounts(one) != amounts(another)
    assert amounts(one)
    assert amounts(another)


def test_a_range_is_one_amount_and_a_ratio_beside_it_is_another() -> None:
    low_and_high = {"low": quantity("1", "tablet"), "high": quantity("2", "tablets")}
    ratio = {"numerator": quantity("5", "mL"), "denominator": quantity("1", "h")}
    assert len(amounts({"doseRange": low_and_high, "rateRatio": ratio})) == 2


def test_an_amount_is_found_after_a_part_without_one_and_in_the_dosage_itself() -> None:
    amount = {"doseQuantity": quantity("5", "mL")}
    assert amounts({"type": {"text": "ordered"}}, amount) == amounts(amount) != ()
    # The older way, of release STU3.
    assert dose_of(dosages=[amount]).amounts == amounts(amount)


# How often


@pytest.mark.parametrize(
    ("dosage", "times_a_day"),
    [
        (timed(frequency="1", period="1", periodUnit="d"), "1"),
        (timed(frequency="3", period="1", periodUnit="d"), "3"),
        (timed(period="1", periodUnit="d"), "1"),
        (timed(frequency="2", period="4", periodUnit="d"), "0.5"),
        (timed(frequency="1", period="8", periodUnit="h"), "3"),
        (timed(frequency="1", period="1", periodUnit="wk"), "0.1429"),
        ({"timing": {"code": {"coding": [{"code": "WK"}]}}}, "0.1429"),
        ({"timing": {"code": {"coding": [{"code": "bid"}]}}}, "2"),
        ({"timing": {"code": {"coding": [{"code": "QOD"}]}}}, "0.5"),
        ({"timing": {"code": {"coding": [{"code": "on-Tuesdays"}]}}}, "ON-TUESDAYS"),
        (timed(frequency="999999999", period="1", periodUnit="d"), "999999999"),
    ],
)
def test_how_often_compares_as_times_a_day(dosage: Json, times_a_day: str) -> None:
    assert rates(dosage) == (times_a_day,)


@pytest.mark.parametrize(
    "dosage",
    [
        {},
        {"timing": {}},
        timed(frequency="2", period="1"),
        timed(frequency="2", period="1", periodUnit="moon"),
        timed(frequency="2", period="0", periodUnit="d"),
        timed(frequency="Infinity", period="1", periodUnit="d"),
        timed(frequency="NaN", period="1", periodUnit="d"),
        timed(frequency="1000000000", period="1", periodUnit="d"),
        timed(frequency="1e12", period="1", periodUnit="d"),
        timed(frequency="1e-12", period="1", periodUnit="d"),
    ],
)
def test_what_tells_no_sensible_rate_tells_none(dosage: Json) -> None:
    assert rates(dosage) == ()


def test_a_rate_that_is_no_rate_gives_way_to_its_code() -> None:
    timing = {"repeat": {"frequency": "2", "periodUnit": "d"}, "code": {"coding": [{"code": "TID"}]}}
    assert rates({"timing": timing}) == ("3",)


def test_a_dose_is_told_in_parts_by_a_unit_in_words_or_in_code() -> None:
    repeat = timed(frequency="1", period="1", periodUnit="d")
    worded, coded = ({"doseAndRate": [{"doseQuantity": {"value": "5", name: "mg"}}]} for name in ("unit", "code"))
    grams = {"doseAndRate": [{"doseQuantity": {"value": "5", "code": "g"}}]}
    assert coded_dose(dosage=worded | repeat) == coded_dose(dosage=coded | repeat)
    assert coded_dose(dosage=coded | repeat) != coded_dose(dosage=grams | repeat)


# What the words leave out


@pytest.mark.parametrize(
    ("words", "parts", "untold"),
    [
        ("one daily", timed(frequency="1", period="1", periodUnit="d"), ""),
        ("one daily", timed(frequency="1", period="1", periodUnit="wk"), "once a week"),
        ("one daily", timed(frequency="1", period="2", periodUnit="d"), "once every 2 days"),
        ("one daily", {"asNeededBoolean": False}, ""),
        ("one daily", {"asNeededBoolean": True}, "as needed"),
        ("", timed(frequency="1", period="1", periodUnit="d"), ""),
    ],
)
def test_the_parts_are_told_where_the_words_do_not_say_them(words: str, parts: Json, untold: str) -> None:
    assert parts_untold(dosage={"text": words, **parts}) == untold


def test_a_dosage_that_is_no_list_is_read_as_one() -> None:
    assert dosages_of(order(dosageInstruction={"text": "one daily"})) == ({"text": "one daily"},)


# When, how long and how often at most


ONE_TABLET: Json = {"doseAndRate": [{"doseQuantity": {"value": "1", "unit": "tablet"}}]}


def told(timing: Json, **members: object) -> str:
    return dosage_text(dosage={**ONE_TABLET, "timing": timing, **members})


@pytest.mark.parametrize(
    ("repeat", "words"),
    [
        ({"frequency": "1", "period": "4", "periodMax": "6", "periodUnit": "h"}, "once every 4 to 6 hours"),
        ({"frequency": "1", "frequencyMax": "2", "period": "1", "periodUnit": "d"}, "1 to 2 times a day"),
        ({"period": "4", "periodUnit": "h"}, "every 4 hours"),
        ({"period": "1", "periodUnit": "d"}, "every day"),
        ({"frequency": "1", "period": "1", "periodUnit": "wk", "dayOfWeek": ["mon"]}, "once a week, on Monday"),
        ({"when": ["HS"]}, "before sleep"),
        ({"when": ["ACM"], "offset": "30"}, "30 minutes before breakfast"),
        ({"timeOfDay": ["08:00:00", "20:30:00"]}, "at 08:00 and 20:30"),
        (
            {"frequency": "1", "period": "1", "periodUnit": "d", "boundsDuration": {"value": "7", "unit": "days"}},
            "once a day, for 7 days",
        ),
        (
            {"frequency": "1", "period": "1", "periodUnit": "d", "boundsPeriod": {"end": "2024"}},
            "once a day, until 2024",
        ),
        ({"count": "3"}, "3 times in all"),
        ({"duration": "30", "durationMax": "60", "durationUnit": "min"}, "over 30 to 60 min"),
    ],
)
def test_when_how_long_and_how_often_at_most_is_told(repeat: Json, words: str) -> None:
    assert told({"repeat": repeat}) == f"1 tablet, {words}"
    assert parts_untold(dosage={"text": "As told", **ONE_TABLET, "timing": {"repeat": repeat}}) == f"1 tablet, {words}"


def test_a_timing_in_words_or_on_single_dates_is_told() -> None:
    assert told({"code": {"text": "every other day"}}) == "1 tablet, every other day"
    assert told({"event": ["2024-05-01", "2024-05-08"]}) == "1 tablet, on 2024-05-01 and 2024-05-08"
    assert told({"code": {"coding": [{"code": "BID"}]}, "repeat": {"when": ["PC"]}}) == "1 tablet, BID, after meals"


def test_words_that_say_once_a_day_do_not_say_on_which_day() -> None:
    repeat = {"frequency": "1", "period": "1", "periodUnit": "d"}
    worded = {"text": "1 tablet once a day", **ONE_TABLET}
    assert parts_untold(dosage={**worded, "timing": {"repeat": repeat}}) == ""
    for more in ({"dayOfWeek": ["mon"]}, {"periodMax": "2"}, {"frequencyMax": "2"}, {"count": "5"}):
        assert parts_untold(dosage={**worded, "timing": {"repeat": repeat | more}})


@pytest.mark.parametrize(
    "more", [{"periodMax": "6"}, {"frequencyMax": "2"}, {"dayOfWeek": ["mon"]}, {"when": ["HS"]}, {"count": "3"}]
)
def test_doses_that_differ_in_it_are_two(more: Json) -> None:
    repeat = {"frequency": "1", "period": "4", "periodUnit": "h"}
    one, other = ({**ONE_TABLET, "timing": {"repeat": repeat | each}} for each in ({}, more))
    assert coded_dose(dosage=one) != coded_dose(dosage=other)
    if {"periodMax", "frequencyMax"} & more.keys():
        assert rates(one) != rates(other)


def test_what_was_given_is_told_with_its_amount_and_what_was_dispensed_with_its_quantity() -> None:
    given = {"resourceType": "MedicationAdministration", "dosage": {"dose": {"value": "2", "unit": "tablet"}}}
    assert lines(resource=given) == (("Dose", "2 tablet"),)
    assert dose_of(dosages=dosages_of(given)).amounts
    dispensed = {"resourceType": "MedicationDispense", "quantity": {"value": "28", "unit": "tablet"}}
    assert lines(resource=dispensed) == (("Quantity", "28 tablet"),)


def test_steps_of_a_dose_follow_each_other_and_are_no_sum() -> None:
    steps = [{"sequence": "2", "text": "20 mg a day"}, {"sequence": "1", "text": "40 mg a day"}]
    assert lines(resource=order(dosageInstruction=steps)) == (
        ("Dose", "Step 1: 40 mg a day"),
        ("Dose", "Step 2: 20 mg a day"),
    )
    together = [{"sequence": "1", "text": "a"}, {"sequence": "1", "text": "b"}]
    assert lines(resource=order(dosageInstruction=together)) == (("Dose", "a"), ("Dose", "b"))


def test_what_else_is_to_be_done_is_told_where_the_words_do_not_say_it() -> None:
    dosage = {
        "text": "1 daily, with food",
        "additionalInstruction": [{"text": "With food"}],
        "method": {"text": "Crush"},
    }
    dosage["site"] = {"text": "Left eye"}
    assert lines(resource=order(dosageInstruction=[dosage])) == (
        ("Dose", "1 daily, with food"),
        ("Instruction", "Crush"),
        ("Site", "Left eye"),
    )
