"""Demographics as they are compared: NHS numbers, names, dates and postcodes, cleaned. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from itertools import islice
from typing import Any

from aggregator.record.invisible import without_invisible
from fhir_data.identifiers import is_sound_nhs_number

_NOT_NAMED_YET = "of somebody newly born, who has no name yet"
_NOT_KNOWN = "of somebody whose name is not known"
_NOT_REAL = "of a record that was made to try a system out"
_TITLE = "a title, where the name is missing"
# What many write before a name, or after it. Not what is a name as well (Dean, Earl, Lady, Sister).
TITLES = ("mr", "mrs", "miss", "ms", "mx", "dr", "prof", "professor", "rev", "revd", "reverend")
# Names that say nothing about who somebody is, cleaned, with what they stand for: they agree with nothing, and lead to
# nobody. Only what names hardly anybody: who bears one is never linked without a human.
PLACEHOLDER_NAMES: Mapping[str, str] = {
    "baby": _NOT_NAMED_YET,
    "babyboy": _NOT_NAMED_YET,
    "babygirl": _NOT_NAMED_YET,
    "infant": _NOT_NAMED_YET,
    "newborn": _NOT_NAMED_YET,
    "twin": _NOT_NAMED_YET,
    "triplet": _NOT_NAMED_YET,
    "male": _NOT_NAMED_YET,
    "female": _NOT_NAMED_YET,
    "unknown": _NOT_KNOWN,
    "notknown": _NOT_KNOWN,
    "notgiven": _NOT_KNOWN,
    "notstated": _NOT_KNOWN,
    "noname": _NOT_KNOWN,
    "unidentified": _NOT_KNOWN,
    "unnamed": _NOT_KNOWN,
    "anonymous": _NOT_KNOWN,
    "test": _NOT_REAL,
    **dict.fromkeys(TITLES, _TITLE),
}
# Dates that stand where the real one is not known, with why.
PLACEHOLDER_BIRTH_DATES: Mapping[date, str] = {
    date(1900, 1, 1): "typed by people",
    date(1901, 1, 1): "typed by people",
    date(1, 1, 1): "the first date of many programs",
    date(1753, 1, 1): "the first date of a database",
    date(1899, 12, 30): "the date of the number 0 in a spreadsheet",
    date(1899, 12, 31): "the date of the number 0 in a spreadsheet",
}
# Nobody of whom there are records today was born before; nor, while this is in use, from the first of the last days
# that programs know (2078-12-31, 2099-12-31, 9999-12-31).
FIRST_BIRTH_DATE, NO_BIRTH_DATE_FROM = date(1850, 1, 1), date(2078, 12, 31)
# How a postcode begins that is no place's: of no fixed abode, not known, abroad. Source: NHS Postcode Directory,
# pseudo postcodes.
PLACEHOLDER_POSTCODE = "ZZ99"
# Letters to Unicode, and in a name no more than an apostrophe or a line that stretches it. Source: Unicode Character
# Database, blocks Spacing Modifier Letters and Latin Extended-D (saltillo), and U+0640 ARABIC TATWEEL.
_NO_LETTERS = re.compile("[\u02b9-\u02ff\ua78b\ua78c\u0640]")
# Letters whose mark is a part of them to Unicode, and left away by whoever has no key for it, as an accent is.
_WITHOUT_STROKE = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "ı": "i"})
_DASH = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d-]")
# A text with more is no name, and would take long to compare.
MOST_WORDS_OF_A_NAME = 40
KNOWN_SEXES = {"male": "male", "m": "male", "female": "female", "f": "female"}


class NumberStatus(StrEnum):
    """NHS number verification statuses that are told apart here. Source: UK Core NHSNumberVerificationStatus."""

    VERIFIED = "01"
    NOT_TRACED = "02"


@dataclass(frozen=True, kw_only=True)
class Demographics:
    """One source's view of a person. `nhs_number` is the number as sent, which may be no number at all; use
    `valid_number` for comparing. `further_numbers` are others that the source gives as current beside it.
    `birth_date` is None when it is absent or not a whole date; `birth_date_part` is then what was sent of it, which can
    contradict a birth date but never agree with one. `deceased` is None when the source does not say; `death_date` is
    what it sent, which may be a partial date. `restricted`: whether it says that the person's whereabouts are not to be
    told; None when it does not say. `name_text` is a name that came as one text, and not in parts."""

    nhs_number: str = ""
    nhs_number_status: str = ""
    family: str = ""
    given: str = ""
    birth_date: date | None = None
    sex: str = ""
    postcode: str = ""
    address_line: str = ""
    phone: str = ""
    deceased: bool | None = None
    death_date: str = ""
    further_numbers: tuple[str, ...] = ()
    birth_date_part: str = ""
    restricted: bool | None = None
    name_text: str = ""

    @property
    def valid_number(self) -> str:
        """The ten digits, or "" when what was sent is no valid NHS number."""
        return valid_nhs_number(text=self.nhs_number)

    @property
    def number_is_verified(self) -> bool:
        """Whether the source says that the number was traced to this person, and the number is valid."""
        return self.nhs_number_status == NumberStatus.VERIFIED and bool(self.valid_number)

    @property
    def valid_numbers(self) -> frozenset[str]:
        """Every valid number that the source gives as current; more than one is a contradiction."""
        numbers = (valid_nhs_number(text=text) for text in (self.nhs_number, *self.further_numbers))
        return frozenset(number for number in numbers if number)

    @property
    def known_sex(self) -> str:
        """The sex where it can be compared, otherwise ""; lists often give a single letter."""
        return KNOWN_SEXES.get(clean_name(text=self.sex), "")

    @property
    def born(self) -> str:
        """What is known of the birth date, as ISO text: whole, in part, or ""."""
        return self.birth_date.isoformat() if self.birth_date else self.birth_date_part


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One person as a source sends them: its own identifier, and what it says of them."""

    identifier_value: str
    demographics: Demographics


def digits_of(*, text: str) -> str:
    """Return an NHS number as typed or sent, without spaces and dashes of any kind."""
    return re.sub(r"\s", "", _DASH.sub("", without_invisible(text=text)))


def valid_nhs_number(*, text: str) -> str:
    """Return the ten digits of a valid NHS number, else "".

    Source: NHS Data Dictionary, NHS NUMBER (modulus 11 check digit). Ten equal digits pass that check but are refused:
    people type them to get past a form.
    """
    digits = digits_of(text=text)
    return digits if is_sound_nhs_number(digits) and len(set(digits)) > 1 else ""


def clean_name(*, text: str) -> str:
    """Return a name as it is compared: no title, accents, case, spaces, punctuation or what cannot be seen."""
    return "".join(_words(text))


def first_given(*, text: str) -> str:
    """Return the first given name, cleaned."""
    return next(iter(_words(text)), "")


def have_same_first_given(*, left: str, right: str) -> bool:
    """Return whether two people's first given name is the same, be it with a hyphen or a space ("Mary-Ann"). Symmetric.

    "Mary" alone is another name than "Mary-Ann".
    """
    is_same = first_given(text=left) == first_given(text=right)
    return is_same or _begins_with_first_of(left, right) or _begins_with_first_of(right, left)


def beginning_of_given(*, text: str) -> str:
    """Return what the first given name begins with whether it is written with a hyphen or a space, cleaned."""
    return next((part for word in _words_in_parts(text) for part in word), "")


def clean_postcode(*, text: str) -> str:
    """Return a postcode without spaces, in capitals."""
    return _only(text, str.isalnum).upper()


def clean_address_line(*, text: str) -> str:
    """Return a line of an address as it is compared: as a name is, with its numbers. Abbreviations stay as they are."""
    return _only(text, str.isalnum)


def whole_date(*, text: str) -> date | None:
    """Return the date of an ISO text, or None when it is partial or no date."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def part_of_date(*, text: str) -> str:
    """Return the year, or year and month, of a partial ISO date, or the day of a date and time; otherwise ""."""
    if whole_date(text=text):
        return ""
    shape = re.match(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?(?=T|\Z)", text, re.ASCII)
    return shape[0] if shape else ""


def with_name_read_like(*, demographics: Demographics, other: Demographics) -> Demographics:
    """Return demographics with a name that came as one text divided as another's is: nobody else says where.

    Where the other's surname is not in it, that is what comes before a comma, or else the last word.
    """
    if not demographics.name_text or other.name_text:
        return demographics
    before_comma, _, after_comma = demographics.name_text.partition(",")
    said = (*before_comma.split(), *after_comma.split())
    words = [word for word in said if clean_name(text=word) not in {"", *TITLES}]
    if len(words) > MOST_WORDS_OF_A_NAME:
        return replace(demographics, family=demographics.name_text, name_text="")
    cleaned, surname = [clean_name(text=word) for word in words], clean_name(text=other.family)
    spans = [(start, end) for start in range(len(words)) for end in range(start + 1, len(words) + 1)]
    divided = [
        (" ".join(words[start:end]), " ".join([*words[:start], *words[end:]]))
        for start, end in spans
        if "".join(cleaned[start:end]) == surname
    ]
    if not divided and len(words) == 1 and have_same_first_given(left=words[0], right=other.given):
        divided = [("", words[0])]
    if not divided and first_given(text=after_comma):
        divided = [(before_comma, after_comma)]
    family, given = next(
        (names for names in divided if have_same_first_given(left=names[1], right=other.given)),
        divided[-1] if divided else (" ".join(words[-1:]), " ".join(words[:-1])),
    )
    return replace(demographics, family=family, given=given, name_text="")


def name_is_placeholder(*, text: str) -> bool:
    """Return whether a name says nothing about who somebody is ("Baby", "Not Known", no name at all)."""
    name = clean_name(text=text)
    return not name or name in PLACEHOLDER_NAMES or first_given(text=text) in PLACEHOLDER_NAMES


def birth_date_is_placeholder(*, born: date | None) -> bool:
    """Return whether a date stands where a birth date is not known: one that programs give, or nobody's."""
    return born is not None and (born in PLACEHOLDER_BIRTH_DATES or not FIRST_BIRTH_DATE <= born < NO_BIRTH_DATE_FROM)


def is_placeholder(*, demographics: Demographics) -> bool:
    """Return whether a name or the birth date says nothing about who somebody is, so that a human must look."""
    return (
        name_is_placeholder(text=demographics.given)
        or name_is_placeholder(text=demographics.family)
        or birth_date_is_placeholder(born=demographics.birth_date)
    )


def with_later(*, earlier: Demographics, later: Demographics) -> Demographics:
    """Return what a source says now: what it said before, with what it says later.

    An absent value or an invalid number erases nothing: a value that is removed and later sent again as a different one
    must still be seen as a change.
    """
    number_is_new = bool(later.valid_number or (later.nhs_number and not earlier.valid_number))
    number = later if number_is_new else earlier
    is_same_number = bool(later.valid_number) and later.valid_number == earlier.valid_number
    status = number.nhs_number_status or (earlier.nhs_number_status if is_same_number else "")
    # A new address is taken whole: one postcode with the other street would be a third address.
    has_moved = any(
        now and now != then
        for then, now in ((earlier.postcode, later.postcode), (earlier.address_line, later.address_line))
    )
    sex = earlier.sex if not later.sex or (later.sex == "unknown" and earlier.sex) else later.sex
    death = later if later.deceased is not None else earlier
    return Demographics(
        nhs_number=number.nhs_number,
        nhs_number_status=status,
        further_numbers=number.further_numbers,
        family=later.family or earlier.family,
        given=later.given or earlier.given,
        birth_date=later.birth_date or earlier.birth_date,
        birth_date_part="" if later.birth_date or earlier.birth_date else later.birth_date_part,
        sex=sex,
        postcode=later.postcode if has_moved else earlier.postcode,
        address_line=later.address_line if has_moved else earlier.address_line,
        phone=later.phone or earlier.phone,
        deceased=death.deceased,
        restricted=earlier.restricted if later.restricted is None else later.restricted,
        death_date=death.death_date or (earlier.death_date if death.deceased and earlier.deceased else ""),
    )


def first_said(*, before: Demographics, now: Demographics) -> Demographics:
    """Return what a source first said of who somebody is, with what it says now where it had said nothing.

    Placeholders are ignored. Changes are measured against this as well, so that no series of small changes leads to
    another person.
    """
    return Demographics(
        nhs_number=before.valid_number or now.valid_number,
        family=_first_name(before.family, now.family),
        given=_first_name(before.given, now.given),
        birth_date=before.birth_date or (None if birth_date_is_placeholder(born=now.birth_date) else now.birth_date),
        sex=before.known_sex or now.known_sex,
    )


def as_json(*, demographics: Demographics) -> dict[str, Any]:
    """Return demographics as JSON; what is empty is left out."""
    return {
        name: value.isoformat() if isinstance(value, date) else list(value) if isinstance(value, tuple) else value
        for name, value in vars(demographics).items()
        if value not in (None, "", ())
    }


def from_json(*, stored: Mapping[str, Any]) -> Demographics:
    """Return demographics that `as_json` wrote; members that this version does not know are ignored."""
    known = {field.name for field in fields(Demographics)}
    values = {name: value for name, value in stored.items() if name in known}
    if "birth_date" in values:
        values["birth_date"] = whole_date(text=values["birth_date"])
    if "further_numbers" in values:
        values["further_numbers"] = tuple(values["further_numbers"])
    return Demographics(**values)


def _words(name: str, /) -> list[str]:
    """Return the words of a name, each cleaned, without titles; a title that stands alone stays."""
    return ["".join(parts) for parts in _words_in_parts(name)]


def _words_in_parts(name: str, /) -> list[tuple[str, ...]]:
    """Return the same words, each as what stands between its hyphens."""
    words = [tuple(filter(None, map(_letters, _DASH.split(word)))) for word in _seen(name).split()]
    cleaned = [parts for parts in words if parts]
    return [parts for parts in cleaned if "".join(parts) not in TITLES] or cleaned


def _begins_with_first_of(name: str, other: str, /) -> bool:
    """Return whether a name begins with the first word of another, with spaces where that has hyphens."""
    first = next(iter(_words_in_parts(other)), ())
    parts = (part for word in _words_in_parts(name) for part in word)
    return len(first) > 1 and tuple(islice(parts, len(first))) == first


def _letters(text: str, /) -> str:
    if text.isascii() and text.isalpha():
        return text.lower()  # as most are
    return _NO_LETTERS.sub("", _only(text, str.isalpha))


def _only(text: str, is_kept: Callable[[str], bool], /) -> str:
    kept = "".join(filter(is_kept, unicodedata.normalize("NFKD", _seen(text)))).casefold()
    return kept if kept.isascii() else kept.translate(_WITHOUT_STROKE)


def _seen(text: str, /) -> str:
    return text if text.isascii() and text.isprintable() else without_invisible(text=text)


def _first_name(before: str, now: str) -> str:
    if before and not name_is_placeholder(text=before):
        return before
    return "" if name_is_placeholder(text=now) else now
