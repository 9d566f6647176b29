"""Demographics as they are compared: NHS numbers, names, dates and postcodes, cleaned. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import nhs_number

# A name that says nothing about who its bearer is; it carries no evidence.
PLACEHOLDER_NAMES = frozenset(
    {"baby", "unknown", "infant", "twin", "male", "female", "notknown", "unidentified", "test"}
)
# Dates typed when the true one is not known.
PLACEHOLDER_BIRTH_DATES = frozenset({date(1900, 1, 1), date(1901, 1, 1)})


class NumberStatus(StrEnum):
    """NHS number verification status. Source: UK Core NHSNumberVerificationStatus, codes 01 to 08."""

    VERIFIED = "01"
    NOT_TRACED = "02"
    TRACE_REQUIRED = "03"
    NOT_STATED = ""


@dataclass(frozen=True, kw_only=True)
class Demographics:
    """One source's view of a person. `nhs_number` is the number as sent, which may be no number at all; use
    `valid_number` for comparing. `birth_date` is None when absent or not a whole date."""

    nhs_number: str = ""
    nhs_number_status: str = ""
    family: str = ""
    given: str = ""
    birth_date: date | None = None
    sex: str = ""
    postcode: str = ""
    address_line: str = ""
    phone: str = ""

    @property
    def valid_number(self) -> str:
        """The ten digits, or "" when what was sent is no valid NHS number."""
        return valid_nhs_number(text=self.nhs_number)

    @property
    def number_is_verified(self) -> bool:
        """Whether the source says that the number was traced and belongs to this person, and it can be true."""
        return self.nhs_number_status == NumberStatus.VERIFIED and bool(self.valid_number)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """One person as a source sends them: its own identifier, and what it says of them."""

    identifier_value: str
    demographics: Demographics


def digits_of(*, text: str) -> str:
    """Return an NHS number as typed or sent, without spaces and dashes."""
    return re.sub(r"[\s\u00a0\u200b-]", "", text)


def valid_nhs_number(*, text: str) -> str:
    """Return the ten digits of a valid NHS number, else "".

    Source: NHS Data Dictionary, NHS NUMBER (modulus 11 check digit). Ten equal digits pass the check and are refused:
    they are what people type to get past a form.
    """
    digits = digits_of(text=text)
    if not re.fullmatch(r"[0-9]{10}", digits) or len(set(digits)) == 1:
        return ""
    return digits if nhs_number.is_valid(digits) else ""


def clean_name(*, text: str) -> str:
    """Return a name as it is compared: no accents, case, spaces or punctuation."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(character for character in decomposed if character.isalpha())
    return letters.casefold()


def first_given(*, text: str) -> str:
    """Return the first given name, cleaned."""
    words = text.split()
    return clean_name(text=words[0]) if words else ""


def clean_postcode(*, text: str) -> str:
    """Return a postcode without spaces, in capitals."""
    return re.sub(r"\s", "", text).upper()


def whole_date(*, text: str) -> date | None:
    """Return the date of an ISO text, or None when it is partial or no date."""
    try:
        return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        return None


def name_is_placeholder(*, text: str) -> bool:
    """Return whether a name says nothing about its bearer ("Baby", "Unknown", none at all)."""
    return first_given(text=text) in PLACEHOLDER_NAMES or not clean_name(text=text)
