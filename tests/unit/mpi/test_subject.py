"""A FHIR R4 Patient -> demographics, also when it is an odd one."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from aggregator.mpi.demographics import Demographics
from aggregator.mpi.subject import VERIFICATION_EXTENSIONS, demographics_of_patient
from connectors.contract import NHS_NUMBER_SYSTEM


def read(**members: Any) -> Demographics:
    return demographics_of_patient(patient=json.dumps({"resourceType": "Patient", **members}).encode())


def number(value: str, **members: Any) -> dict[str, Any]:
    return {"system": NHS_NUMBER_SYSTEM, "value": value, **members}


def verification(code: str, *, url: str = VERIFICATION_EXTENSIONS[0]) -> list[dict[str, Any]]:
    return [{"url": "https://other.example"}, {"url": url, "valueCodeableConcept": {"coding": [{"code": code}]}}]


def test_a_whole_patient_is_read_whole() -> None:
    found = read(
        identifier=[
            {"system": "https://local.example", "value": "7"},
            number("9990001006", extension=verification("01")),
        ],
        name=[{"use": "official", "family": "Ferris", "given": ["Joan", "Mary"]}],
        gender="female",
        birthDate="1951-05-04",
        address=[{"line": ["4 Mill Lane", "Town"], "postalCode": "TM1 1AA"}],
        telecom=[{"system": "email", "value": "a@b.example"}, {"system": "phone", "value": "01632 960001"}],
    )
    assert found == Demographics(
        nhs_number="9990001006",
        nhs_number_status="01",
        family="Ferris",
        given="Joan Mary",
        birth_date=date(1951, 5, 4),
        sex="female",
        postcode="TM1 1AA",
        address_line="4 Mill Lane, Town",
        phone="01632 960001",
    )


@pytest.mark.parametrize("url", VERIFICATION_EXTENSIONS)
def test_both_spellings_of_the_verification_status_are_read(url: str) -> None:
    assert read(identifier=[number("9990001006", extension=verification("03", url=url))]).nhs_number_status == "03"


def test_an_old_number_name_or_address_is_not_the_present_one() -> None:
    found = read(
        identifier=[number("9990001014", use="old"), number("9990001006")],
        name=[
            {"use": "old", "family": "Before"},
            {"use": "maiden", "family": "Maiden"},
            {"use": "usual", "family": "Now"},
        ],
        address=[{"use": "old", "postalCode": "TM9 9ZZ"}, {"use": "temp", "postalCode": "TM1 1AA"}],
    )
    assert (found.nhs_number, found.family, found.postcode) == ("9990001006", "Now", "TM1 1AA")


@pytest.mark.parametrize(
    ("uses", "best"),
    [
        (["usual", "official"], "official"),
        (["nickname", "usual"], "usual"),
        (["maiden", ""], ""),
        (["old", "strange"], "strange"),
        (["old"], "old"),
    ],
)
def test_the_official_name_comes_first_and_an_old_one_last(uses: list[str], best: str) -> None:
    assert read(name=[{"use": use, "family": f"as {use}"} for use in uses]).family == f"as {best}"


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"identifier": None, "name": None, "gender": None, "birthDate": None, "address": None, "telecom": None},
        {"identifier": [], "name": [], "address": [], "telecom": []},
        {"identifier": [{}], "name": [{}], "address": [{}], "telecom": [{}]},
        {
            "identifier": [number("x") | {"value": None, "extension": None}],
            "name": [{"use": None, "family": None, "given": None}],
            "address": [{"use": None, "line": None, "postalCode": None}],
            "telecom": [{"system": "phone", "value": None}],
        },
        {"identifier": [number("") | {"extension": [{"url": None}]}], "name": [{"given": [None, None]}]},
        {
            "identifier": [
                number("") | {"extension": [{"url": VERIFICATION_EXTENSIONS[0], "valueCodeableConcept": None}]}
            ]
        },
        {"birthDate": "1951"},
        {"birthDate": "1951-05"},
    ],
)
def test_what_an_odd_patient_lacks_is_not_known(members: dict[str, Any]) -> None:
    assert read(**members) == Demographics()


def test_a_part_of_a_name_that_is_null_costs_the_others_nothing() -> None:
    assert read(name=[{"family": "Ferris", "given": [None, "Joan", None, "Mary"]}]).given == "Joan Mary"
    assert read(telecom=[{"system": "phone", "value": None}, {"system": "phone", "value": "1"}]).phone == "1"


def test_a_number_is_kept_as_sent_and_checked_by_its_reader() -> None:
    found = read(identifier=[number("999 000 1007")])
    assert (found.nhs_number, found.valid_number) == ("999 000 1007", "")
