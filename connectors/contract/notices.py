"""What a source says about its own answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label


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
    # What the source itself calls information: it is shown, and no doubt about its answer.
    REMARK = "remark", "This source has added a remark to its answer.", "informational", False

    @property
    def is_of_a_gap(self) -> bool:
        """Whether something that was asked for may be missing, as far as anybody can tell from the notice."""
        return self not in (NoticeCode.NOT_SERVED, NoticeCode.REMARK)


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What something that a notice says rests on: entries of the answer, by their names (`Type/id`, as sent).

    It holds for a reader who may see each of `all_of`, at least `least` of `any_of`, and none of `none_of`. Of a List
    in `any_of` something must be left. `things` is how many things are counted on this ground.
    """

    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    least: int = 1
    none_of: tuple[str, ...] = ()
    things: int = 1

    def holds(self, *, hidden: AbstractSet[str], emptied: AbstractSet[str]) -> bool:
        """Return whether it holds for a reader from whom these entries are hidden, and to whom those are empty."""
        seen = sum(name not in hidden and name not in emptied for name in self.any_of)
        return (
            hidden.isdisjoint(self.all_of)
            and (not self.any_of or seen >= self.least)
            and all(name in hidden for name in self.none_of)
        )


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that a source said about its own answer, or that its answer shows.

    `text` are its words; `category` None: about all of the answer. `labels` are the security labels of what said it.
    `grounds` are what it rests on, where that is entries of the answer: nobody may be told of what is withheld. Where
    it counts things, `one` and `several` are its words for fewer of them, the number in place of "{count}".
    """

    code: NoticeCode
    text: str = ""
    category: RecordCategory | None = None
    labels: tuple[Label, ...] = ()
    grounds: tuple[Ground, ...] = ()
    one: str = ""
    several: str = ""

    @property
    def words(self) -> str:
        """What is shown to people: the source's own words where it used any."""
        return self.text or self.code.words

    def without(self, *, hidden: AbstractSet[str], emptied: AbstractSet[str] = frozenset()) -> Notice | None:
        """Return the notice for a reader from whom these entries are hidden; None where nothing is left to say.

        `emptied` are the Lists in which nothing is left for that reader.
        """
        if not self.grounds:
            return self
        left = [ground for ground in self.grounds if ground.holds(hidden=hidden, emptied=emptied)]
        if not left or len(left) == len(self.grounds):
            return self if left else None
        count = sum(ground.things for ground in left)
        words = self.one if count == 1 else self.several.replace("{count}", str(count))
        return replace(self, grounds=tuple(left), text=words or self.text)


def counting_notice(
    *, code: NoticeCode, grounds: Iterable[Ground], one: str, several: str, category: RecordCategory | None
) -> Notice:
    """Return a notice of how many things rest on these grounds; `one` and `several` are as a notice's."""
    grounds = tuple(grounds)
    count = sum(ground.things for ground in grounds)
    words = one if count == 1 else several.replace("{count}", str(count))
    return Notice(code=code, text=words, category=category, grounds=grounds, one=one, several=several)
