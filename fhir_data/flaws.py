"""The flaws of an entry that can be read all the same: which field breaks the standard, and how. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

# The name of a field that the standard does not have is the sender's text, and is never repeated.
UNKNOWN_FIELD = "(unknown field)"
# Stands for the flaws of an entry that are not named one by one.
FURTHER_FIELDS = "(further fields)"


class FlawReason(StrEnum):
    """How a field breaks the standard. `words` are for people and follow the name of the field."""

    words: str

    def __new__(cls, value: str, words: str) -> FlawReason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    MISSING = "missing", "missing"
    EMPTY = "empty", "empty"
    NOT_IN_STANDARD = "not-in-standard", "not a field of the standard"
    WRONG_TYPE = "wrong-type", "of the wrong type"
    LIST_FOR_ONE = "list-for-one", "a list where one value belongs"
    ONE_FOR_LIST = "one-for-list", "one value where a list belongs"
    TWO_CHOICES = "two-choices", "more than one choice of value"
    NOT_A_DATE = "not-a-date", "not a date or time"
    NOT_AN_ID = "not-an-id", "not an id"
    NOT_A_CODE = "not-a-code", "not a code"
    NOT_A_NUMBER = "not-a-number", "not a number"
    NOT_TRUE_OR_FALSE = "not-true-or-false", "neither true nor false"
    OTHER_FORM = "other-form", "not of the form that the standard asks for"
    RULE_BROKEN = "rule-broken", "breaks a rule of the standard"
    UNREADABLE = "unreadable", "cannot be read"
    NOT_NAMED = "not-named", "not named one by one"


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A field that breaks the standard. `path` names it without index or value, in terms of the entry as sent."""

    path: str
    reason: FlawReason

    @property
    def member(self) -> str:
        """The member of the entry in which it is."""
        return self.path.partition(".")[0].removeprefix("_").partition("[")[0]

    @property
    def words(self) -> str:
        """The flaw in words for people."""
        return self.path if self.reason is FlawReason.NOT_IN_STANDARD else f"{self.path} ({self.reason.words})"

    @property
    def is_in_prose(self) -> bool:
        """Whether it is in words for the reader beside a code or number, which can be relied on without them."""
        return "." in self.path and self.path.rpartition(".")[2] in PROSE


# Text for the reader, by which nothing is joined.
PROSE = frozenset(
    "text display description comment title name line city district state postalCode country family given prefix suffix"
    " unit patientInstruction".split()
)


def paths_of(flaws: Iterable[Flaw], /) -> tuple[str, ...]:
    """Return the paths of flaws, each once, in order."""
    return tuple(dict.fromkeys(flaw.path for flaw in flaws))


# Parts of `meta` that say nothing about confidentiality. A flaw in any other part may hide a label.
_META_WITHOUT_LABELS = frozenset({"lastUpdated", "versionId", "source", "profile"})
# Where else a resource says how confidential it is. Source: FHIR R4 and STU3, DocumentReference, Composition.
_LABEL_MEMBERS = frozenset({"securityLabel", "confidentiality"})
_LIKE_A_LABEL = re.compile(r"meta|secur|confid|sensitiv", re.IGNORECASE)


def hides_a_label(flaw: Flaw, /) -> bool:
    """Return whether a flaw is where an entry, or a resource contained in it, says how confidential it is."""
    names = [name.removeprefix("_") for name in flaw.path.split(".")]
    while names[0] == "contained" and len(names) > 1:
        del names[0]
    if names[0] == "meta":
        return len(names) == 1 or names[1] not in _META_WITHOUT_LABELS
    return names[0] in _LABEL_MEMBERS


def is_like_a_label(*, name: str) -> bool:
    """Return whether the name of an unknown field may be a misspelt one of those that hold security labels."""
    return _LIKE_A_LABEL.search(name) is not None
