"""What a statement of absence says: that there is nothing, or that nothing is known. Values, which `stated_absence`
reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connectors.contract.categories import RecordCategory


class AbsenceKind(StrEnum):
    """What is said to be absent: everything of a category, some of it, or only the knowledge.

    In this order, what claims least first: of two readings, the one that claims less is taken.
    """

    NO_INFORMATION = "no-information"
    NONE_OF_A_KIND = "none-of-a-kind"
    NONE_KNOWN = "none-known"


@dataclass(frozen=True, kw_only=True)
class Absence:
    """What is absent, and of which category. `of`: which kind in it, as the category names its kinds, where known."""

    kind: AbsenceKind
    about: RecordCategory
    of: str = ""


CLAIMS_LEAST_FIRST = tuple(AbsenceKind)


def least_claimed(*absences: Absence) -> Absence:
    """Return the statement that claims least."""
    return min(absences, key=lambda absence: (CLAIMS_LEAST_FIRST.index(absence.kind), absence.about, absence.of))
