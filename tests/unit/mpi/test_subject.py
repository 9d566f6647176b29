"""A FHIR R4 Patient -> demographics, also when it is an odd one."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from aggregator.mpi.demographics import Demographics
from aggregator.mpi.subject import VERIFICATION_EXTENSIONS, demographics_of_patient
from fhir_data.identifiers import NHS_NUMBER_SYSTEM


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
        (["strange", "official"], "official"),
        (["maiden", "strange"], "strange"),
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
        {"birthDate": "51"},
        {"birthDate": "1951-5"},
        {"birthDate": "1951-13-40"},
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


# What is current

TODAY = date(2026, 11, 26)


def read_today(**members: Any) -> Demographics:
    patient = json.dumps({"resourceType": "Patient", **members}).encode()
    return demographics_of_patient(patient=patient, today=TODAY)


@pytest.mark.parametrize(
    ("period", "is_current"),
    [
        ({}, True),
        ({"start": "2020-01-01"}, True),
        ({"end": "2026-11-25"}, False),
        ({"end": "2026-11-26"}, True),
        ({"end": "2026-11-25T23:00:00Z"}, False),
        ({"end": "2025"}, False),
        ({"end": "2026"}, True),
        ({"end": "2026-10"}, False),
        ({"end": "9999-12-31"}, True),
        ({"start": "2027"}, False),
        ({"start": "2026-11-27"}, False),
        ({"start": "2026-11-26"}, True),
        ({"start": "2026-11-26T08:00:00Z"}, True),
        ({"end": 2020}, True),
        ("2020", True),
    ],
)
def test_a_number_whose_period_is_over_is_not_the_number(period: Any, is_current: bool) -> None:
    found = read_today(identifier=[number("9990001006") | {"period": period}])
    assert found.nhs_number == ("9990001006" if is_current else "")


def test_a_name_whose_period_is_over_comes_after_one_that_is_current() -> None:
    names = [{"use": "official", "family": "Before", "period": {"end": "2001"}}, {"use": "usual", "family": "Now"}]
    assert read_today(name=names).family == "Now"
    assert read_today(name=names[:1]).family == "Before"


def test_a_name_and_an_address_whose_period_has_yet_to_end_are_current() -> None:
    ends_later, ended = {"end": "2030-01-01"}, {"end": "2001"}
    found = read_today(
        name=[{"use": "usual", "family": "Other"}, {"use": "official", "family": "Ferris", "period": ends_later}],
        address=[{"postalCode": "TM9 9ZZ", "period": ended}, {"postalCode": "TM1 1AA", "period": ends_later}],
    )
    assert (found.family, found.postcode) == ("Ferris", "TM1 1AA")


def test_a_given_name_alone_says_something() -> None:
    assert (
        read_today(name=[{"use": "nickname", "family": "Jo"}, {"use": "official", "given": ["Joan"]}]).given == "Joan"
    )


def test_a_name_that_says_nothing_comes_after_one_that_does() -> None:
    assert read_today(name=[{"use": "official", "text": "Ferris"}, {"use": "usual", "family": "Ferris"}]).family


def test_a_name_that_is_a_text_alone_is_kept_as_one_where_there_is_no_other() -> None:
    whole = {"use": "official", "text": "FERRIS, Joan (Mrs)"}
    found = read_today(name=[{"use": "official"}, whole])
    assert (found.name_text, found.family, found.given) == ("FERRIS, Joan (Mrs)", "", "")
    found = read_today(name=[whole, {"use": "usual", "given": ["Joan"], "text": "Joan Ferris"}])
    assert (found.name_text, found.given) == ("", "Joan")
    assert read_today(name=[{"text": 7}, {"text": " "}]).name_text.strip() == ""


def test_every_current_number_is_kept_and_a_valid_one_comes_first() -> None:
    found = read_today(identifier=[number("9990001007"), number("9990001014"), number("999 000 1006")])
    assert found.nhs_number == "9990001014"
    assert found.valid_numbers == {"9990001014", "9990001006"}
    assert read_today(identifier=[number("9990001006"), number("999 000 1006")]).further_numbers == ()


@pytest.mark.parametrize(
    "system",
    [
        "https://fhir.nhs.uk/Id/nhs-number",
        "https://fhir.nhs.uk/id/NHS-number/",
        "http://fhir.nhs.uk/Id/nhs-number",
        "http://fhir.nhs.net/Id/nhs-number",
        "urn:oid:2.16.840.1.113883.2.1.4.1",
    ],
)
def test_a_number_counts_under_whichever_of_its_systems_it_is_sent(system: str) -> None:
    assert read(identifier=[{"system": system, "value": "9990001006"}]).valid_number == "9990001006"


@pytest.mark.parametrize(
    ("sent", "part"),
    [
        ("1951", "1951"),
        ("1951-05", "1951-05"),
        ("1951-05-04T00:00:00Z", "1951-05-04"),
        ("1951-05-04", ""),
        ("١٩٥١", ""),
    ],
)
def test_a_part_of_a_birth_date_is_kept_as_a_part(sent: str, part: str) -> None:
    assert read(birthDate=sent).birth_date_part == part


# Misshapen members

WHOLE: dict[str, Any] = {
    "identifier": [number("9990001006")],
    "name": [{"use": "official", "family": "Ferris", "given": ["Joan"]}],
    "birthDate": "1951-05-04",
    "gender": "female",
    "address": [{"line": ["4 Mill Lane"], "postalCode": "TM1 1AA"}],
    "telecom": [{"system": "phone", "value": "1"}],
    "deceasedBoolean": False,
}
WRONG: list[Any] = [None, 7, 1.5, True, "text", [], {}, [7], ["text"], [None], [[]], {"a": 1}, [{"use": 7}], 10**30]


@pytest.mark.parametrize("member", WHOLE)
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_misshapen_member_costs_itself_alone(member: str, wrong: Any) -> None:
    whole, found = read(**WHOLE), read(**{**WHOLE, member: wrong})
    parts = {
        "identifier": ("nhs_number", "nhs_number_status"),
        "name": ("family", "given"),
        "birthDate": ("birth_date",),
        "gender": ("sex",),
        "address": ("address_line", "postcode"),
        "telecom": ("phone",),
        "deceasedBoolean": ("deceased",),
    }[member]
    for name, value in vars(whole).items():
        if name not in parts:
            assert getattr(found, name) == value, name


@pytest.mark.parametrize("inside", ["value", "system", "use", "extension", "period"])
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_misshapen_part_of_an_identifier_is_read_past(inside: str, wrong: Any) -> None:
    assert read(**{**WHOLE, "identifier": [{**number("9990001006"), inside: wrong}]}).family == "Ferris"
    assert read(identifier=[{inside: wrong}, number("9990001006")]).valid_number == "9990001006"


@pytest.mark.parametrize("patient", [b"", b"[]", b"null", b"7", b"{", b'"x"', b"\xff", b'{"name":' + b"[" * 100_000])
def test_what_is_no_object_says_nothing_of_anybody(patient: bytes) -> None:
    assert demographics_of_patient(patient=patient) == Demographics()


# Death


@pytest.mark.parametrize(
    ("members", "deceased", "death_date"),
    [
        ({}, None, ""),
        ({"deceasedBoolean": True}, True, ""),
        ({"deceasedBoolean": False}, False, ""),
        ({"deceasedDateTime": "1948"}, True, "1948"),
        ({"deceasedDateTime": "1948-03-01T10:00:00+01:00"}, True, "1948-03-01T10:00:00+01:00"),
        ({"deceasedDateTime": "last spring"}, True, "last spring"),
        ({"deceasedDateTime": "x" * 40}, True, "x" * 40),
        ({"deceasedDateTime": "x" * 41}, True, ""),
        ({"deceasedDateTime": "1948\x00"}, True, ""),
        ({"deceasedDateTime": ""}, None, ""),
        ({"deceasedDateTime": 1948}, None, ""),
        ({"deceasedBoolean": "true"}, None, ""),
        ({"deceasedBoolean": 1}, None, ""),
        ({"deceasedBoolean": False, "deceasedDateTime": "1948"}, True, "1948"),
    ],
)
def test_a_death_is_read_as_it_was_sent(members: dict[str, Any], deceased: bool | None, death_date: str) -> None:
    found = read(**members)
    assert (found.deceased, found.death_date) == (deceased, death_date)
