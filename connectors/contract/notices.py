"""What a source says about its own answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connectors.contract.categories import RecordCategory


class NoticeCode(StrEnum):
    """What kind of thing a source said.

    `words` are for people, and must be shown where the source gave none of its own. `issue_code` is the code by which
    FHIR tells the same (http://hl7.org/fhir/issue-type, R4). `leaves_out`: something may be missing from the answer.
    Source: GP Connect Access Record Structured 1.6, List warning codes, for the words of the first three.
    """

    words: str
    issue_code: str
    leaves_out: bool

    def __new__(cls, value: str, words: str, issue_code: str, leaves_out: bool) -> NoticeCode:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words, member.issue_code, member.leaves_out = words, issue_code, leaves_out
        return member

    CONFIDENTIAL_ITEMS = (
        "confidential-items",
        "Items excluded due to confidentiality and/or patient preferences.",
        "suppressed",
        True,
    )
    DATA_IN_TRANSIT = (
        "data-in-transit",
        "Patient record transfer from previous GP practice not yet complete; some may be missing.",
        "incomplete",
        True,
    )
    DATA_AWAITING_FILING = (
        "data-awaiting-filing",
        "Patient data may be incomplete: there are data awaiting filing.",
        "incomplete",
        True,
    )
    # It was asked for and not given.
    NOT_SUPPORTED = "not-supported", "Not available from this source.", "not-supported", True
    # The source's system has no such content at all: no gap in its answer, and no ground for "none known" either.
    NOT_SERVED = "not-served", "This source's system does not give this.", "not-supported", False
    INFORMATION_NOT_AVAILABLE = (
        "information-not-available",
        "This source says that the information is not available.",
        "incomplete",
        True,
    )
    INCOMPLETE = "incomplete", "Part of this source's answer is missing.", "incomplete", True
    RESOURCE_WARNING = "resource-warning", "This source says that its answer may not be whole.", "informational", False


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that a source said about its own answer. `text` are its own words; `category` None: about all of it.

    `about_items`: it tells of single items, such as of a report that lacks a result, and so is for nobody from whom
    anything is withheld: it may tell of that.
    """

    code: NoticeCode
    text: str = ""
    category: RecordCategory | None = None
    about_items: bool = False

    @property
    def words(self) -> str:
        """What is shown to people: the source's own words where it used any."""
        return self.text or self.code.words
