"""NHS numbers, names, dates and postcodes, cleaned."""

from __future__ import annotations

import json
from datetime import date

import pytest

from aggregator.mpi.demographics import (
    Demographics,
    as_json,
    clean_name,
    clean_postcode,
    first_given,
    first_said,
    from_json,
    have_same_first_given,
    name_is_placeholder,
    valid_nhs_number,
    whole_date,
    with_later,
)
from tests.factories import STRANGER, check_digit, demographics, nhs_number


@pytest.mark.parametrize("stem", ["999000000", "943476591", "401023213", "912345678", "999999998"])
def test_only_the_digit_that_the_weights_give_is_valid(stem: str) -> None:
    valid = [digit for digit in range(10) if valid_nhs_number(text=f"{stem}{digit}")]
    expected = check_digit(stem=stem)
    assert valid == ([] if expected == 10 else [expected])


def test_a_stem_whose_check_digit_is_ten_makes_no_number() -> None:
    stem = next(str(number) for number in range(999_000_000, 999_000_100) if check_digit(stem=str(number)) == 10)
    assert not any(valid_nhs_number(text=f"{stem}{digit}") for digit in range(10))


@pytest.mark.parametrize(
    "written",
    [
        "943 476 5919",
        "943-476-5919",
        " 9434765919\n",
        "943\u00a0476\u00a05919",
        "943\u2009476\u20095919",
        "9434765919\u200b",
        "943\u2011476\u20115919",
        "943\u2013476\u20135919",
        "943\u2212476\u22125919",
    ],
)
def test_spaces_and_dashes_of_any_kind_do_not_matter(written: str) -> None:
    assert valid_nhs_number(text=written) == "9434765919"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "943476591",
        "94347659190",
        "9434765918",
        "٩٤٣٤٧٦٥٩١٩",
        "９４３４７６５９１９",
        "943476591X",
        "+9434765919",
        "9434765919.0",
        "943,476,5919",
        *(str(digit) * 10 for digit in range(10)),
    ],
)
def test_what_is_no_nhs_number_has_none(written: str) -> None:
    assert valid_nhs_number(text=written) == ""


def test_a_number_is_verified_only_when_its_source_says_so_and_it_can_be_true() -> None:
    assert demographics().number_is_verified
    assert not demographics(nhs_number_status="03").number_is_verified
    assert not demographics(nhs_number_status="").number_is_verified
    assert not demographics(nhs_number="9434765918").number_is_verified
    assert demographics(nhs_number="9434765918").valid_number == ""


def test_the_numbers_that_tests_use_are_valid_and_each_their_own() -> None:
    made = [nhs_number(index=index) for index in range(200)]
    assert len(set(made)) == 200
    assert all(valid_nhs_number(text=number) == number for number in made)


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("O'Neill", "oneill"),
        ("José", "jose"),
        ("SMITH-Jones ", "smithjones"),
        ("Müller", "muller"),
        ("李", "李"),
        ("", ""),
        ("O\u02bcNeill", "oneill"),  # an apostrophe that is a letter to Unicode
        ("O\ua78cNeill", "oneill"),
        ("Łukasiewicz", "lukasiewicz"),
        ("SØRENSEN", "sorensen"),
        ("YILDIZ", "yildiz"),
        ("Yıldız", "yildiz"),
        ("محمـــد", "محمد"),
        ("\u3164", ""),  # a letter to Unicode that nobody sees
    ],
)
def test_a_name_is_compared_without_accents_case_or_punctuation(written: str, cleaned: str) -> None:
    assert clean_name(text=written) == cleaned


def test_the_first_given_name_counts() -> None:
    assert first_given(text="  Mary Ann ") == "mary"
    assert first_given(text=" ") == ""
    assert first_given(text="- Joan") == "joan"
    assert first_given(text="Dr. Mary Ann") == "mary"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Mary-Ann", "Mary Ann", True),
        ("Mary-Ann", "mary\u2011ann", True),
        ("Mary-Ann", "Maryann", True),
        ("Mary-Ann", "Mrs Mary Ann Louise", True),
        ("Mary-Ann-Louise", "Mary-Ann Louise", True),
        ("Mary Ann", "Mary Jane", True),  # only the first counts, as ever
        ("Mary-Ann", "Mary", False),
        ("Mary-Ann", "Mary-Jane", False),
        ("Mary-Ann", "Mary Jane Ann", False),
        ("Mary-Ann", "Ann Mary", False),
        ("Maryann", "Mary Ann", False),
    ],
)
def test_a_first_given_name_is_the_same_with_a_hyphen_or_a_space(one: str, other: str, is_same: bool) -> None:
    assert have_same_first_given(left=one, right=other) is is_same
    assert have_same_first_given(left=other, right=one) is is_same


@pytest.mark.parametrize("written", ["Mrs Ferris", "FERRIS (MRS)", "Prof. Dr Ferris", "ferris mr"])
def test_a_title_is_no_part_of_a_name(written: str) -> None:
    assert clean_name(text=written) == "ferris"
    assert not name_is_placeholder(text=written)


@pytest.mark.parametrize("written", ["Misson", "Drew", "Lady", "Dean", "Msika"])
def test_a_name_that_looks_like_a_title_is_a_name(written: str) -> None:
    assert clean_name(text=written) == written.casefold()
    assert not name_is_placeholder(text=written)


def test_a_postcode_is_compared_without_spaces() -> None:
    assert clean_postcode(text=" tm1\u00a01aa ") == "TM11AA"
    assert clean_postcode(text="TM1\u200b-1AA") == "TM11AA"


@pytest.mark.parametrize(
    "written",
    ["", "1980", "1980-08", "1980-02-30", "14/08/1980", "1980-08-14T00:00", "١٩٨٠-٠٨-١٤", "19800814", "1980-W33-4"],
)
def test_a_date_that_is_not_whole_is_none(written: str) -> None:
    assert whole_date(text=written) is None


def test_a_whole_date_is_read() -> None:
    assert whole_date(text="1980-02-29") == date(1980, 2, 29)


@pytest.mark.parametrize(
    "written",
    [
        "Baby",
        "BABY",
        "Baby Boy",
        "Babygirl",
        "Unknown",
        "Not Known",
        "Twin One",
        "Test",
        "Male",
        "",
        " ",
        "-",
        "1",
        "Mrs",
        "Miss.",
    ],
)
def test_a_placeholder_says_nothing_about_its_bearer(written: str) -> None:
    assert name_is_placeholder(text=written)


@pytest.mark.parametrize("written", ["Joan", "Testa", "Babyface", "Malena", "Twinkle", "Knowles", "Not"])
def test_a_name_that_only_begins_like_a_placeholder_is_a_name(written: str) -> None:
    assert not name_is_placeholder(text=written)


# One source, later


@pytest.mark.parametrize(
    "name", ["nhs_number", "family", "given", "birth_date", "sex", "postcode", "address_line", "phone"]
)
def test_what_is_absent_later_erases_nothing(name: str) -> None:
    absent = {"birth_date": None}.get(name, "")
    before = demographics()
    assert getattr(with_later(earlier=before, later=demographics(**{name: absent})), name) == getattr(before, name)


def test_an_invalid_number_does_not_erase_a_valid_one_and_unknown_sex_no_known_one() -> None:
    found = with_later(earlier=demographics(), later=demographics(nhs_number="9990001007", sex="unknown"))
    assert (found.nhs_number, found.nhs_number_status, found.sex) == (nhs_number(index=1), "01", "female")


def test_what_is_given_later_counts_and_a_number_brings_its_own_status() -> None:
    later = demographics(nhs_number=nhs_number(index=2), nhs_number_status="", family="Married", postcode="TM9 9ZZ")
    found = with_later(earlier=demographics(), later=later)
    assert (found.nhs_number, found.nhs_number_status) == (nhs_number(index=2), "")
    assert (found.family, found.postcode) == ("Married", "TM9 9ZZ")
    assert with_later(earlier=demographics(), later=demographics(nhs_number_status="")).nhs_number_status == "01"
    assert with_later(earlier=demographics(), later=demographics(nhs_number_status="03")).nhs_number_status == "03"


def test_a_sex_that_is_corrected_later_counts() -> None:
    assert with_later(earlier=demographics(), later=demographics(sex="male")).sex == "male"
    assert with_later(earlier=demographics(sex=""), later=demographics(sex="unknown")).sex == "unknown"


def test_a_number_brings_the_others_that_were_sent_beside_it() -> None:
    beside = (nhs_number(index=3),)
    later = demographics(nhs_number=nhs_number(index=2), further_numbers=beside)
    assert with_later(earlier=demographics(), later=later).further_numbers == beside
    assert with_later(earlier=later, later=demographics(nhs_number="")).further_numbers == beside


def test_a_part_of_a_birth_date_counts_only_while_no_whole_one_is_known() -> None:
    part = demographics(birth_date=None, birth_date_part="1951")
    assert with_later(earlier=demographics(birth_date=None), later=part).born == "1951"
    for earlier, later in ((demographics(), part), (part, demographics())):
        known = with_later(earlier=earlier, later=later)
        assert (known.birth_date, known.birth_date_part) == (date(1951, 5, 4), "")


def test_a_new_home_is_taken_whole() -> None:
    found = with_later(earlier=demographics(), later=demographics(postcode="", address_line="7 High Street"))
    assert (found.postcode, found.address_line) == ("", "7 High Street")
    found = with_later(earlier=demographics(), later=demographics(postcode="TM9 9ZZ", address_line=""))
    assert (found.postcode, found.address_line) == ("TM9 9ZZ", "")


def test_a_death_is_not_forgotten_and_can_be_corrected() -> None:
    dead = demographics(deceased=True, death_date="1948")
    assert with_later(earlier=dead, later=demographics()) == dead
    assert with_later(earlier=dead, later=demographics(deceased=True)).death_date == "1948"
    corrected = with_later(earlier=dead, later=demographics(deceased=False))
    assert (corrected.deceased, corrected.death_date) == (False, "")


def test_what_was_said_first_stays_and_a_placeholder_is_not_said() -> None:
    placeholder = demographics(given="Baby", birth_date=date(1900, 1, 1), nhs_number="", sex="unknown")
    first = first_said(before=Demographics(), now=placeholder)
    assert (first.given, first.birth_date, first.nhs_number, first.sex) == ("", None, "", "")
    named = first_said(before=first, now=demographics())
    assert named == Demographics(
        nhs_number=nhs_number(index=1), family="Ferris", given="Joan", birth_date=date(1951, 5, 4), sex="female"
    )
    assert first_said(before=named, now=demographics(**STRANGER)) == named
    assert first_said(before=Demographics(given="Baby"), now=demographics()).given == "Joan"


def test_a_member_of_a_later_version_is_passed_over() -> None:
    full = demographics(deceased=False, death_date="1948", further_numbers=("9990001014",))
    assert from_json(stored={**as_json(demographics=full), "later": 1}) == full


def test_demographics_as_json_are_what_is_read_back_from_json() -> None:
    written = as_json(demographics=demographics(further_numbers=(nhs_number(index=2),)))
    assert json.loads(json.dumps(written)) == written
