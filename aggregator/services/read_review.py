"""Read both sides of a doubt about identity, field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from aggregator.accounts.queries import name_of_user
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.mpi import queries
from aggregator.mpi.demographics import Demographics
from aggregator.mpi.reviews import (
    FINGERPRINT,
    Decision,
    DecisionTaken,
    ReviewSides,
    ReviewSummary,
    acceptable_fields,
    decisions_for,
    is_about_the_linked_person,
)

Value = str | date | None

# What stands in place of a detail that tells where somebody lives whose whereabouts are restricted.
WITHHELD = "withheld: whereabouts restricted"
_WHEREABOUTS = frozenset({"Postcode", "Address", "Telephone"})
_DECEASED_WORDS = {True: "Yes", False: "No", None: ""}
# The fields that a reviewer compares: the field's name in the evidence ("" if it is never there), its label, its value.
_FIELDS: tuple[tuple[str, str, Callable[[Demographics], Value]], ...] = (
    ("nhs_number", "NHS number", lambda demographics: demographics.nhs_number),
    ("family", "Surname", lambda demographics: demographics.family),
    ("given", "First names", lambda demographics: demographics.given),
    ("birth_date", "Born", lambda demographics: demographics.birth_date),
    ("sex", "Gender", lambda demographics: demographics.sex),
    ("postcode", "Postcode", lambda demographics: demographics.postcode),
    ("", "Address", lambda demographics: demographics.address_line),
    ("", "Telephone", lambda demographics: demographics.phone),
    ("", "Died", lambda demographics: demographics.death_date or _DECEASED_WORDS[demographics.deceased]),
)
FIELD_WORDS = {
    "nhs_number": "NHS number",
    "birth_date": "Date of birth",
    "sex": "Gender",
    "name": "Name (both parts)",
    "given": "First name",
    "family": "Surname",
    "postcode": "Postcode",
    "identifier": "The source's own identifier",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One field. `values` are in the order of the view's columns; `evidence` says what it contributed to the doubt.

    `differs` also tells of values that are withheld whether they agree.
    """

    label: str
    values: tuple[Value, ...]
    differs: bool
    evidence: str


@dataclass(frozen=True, kw_only=True)
class DecisionLine:
    """A decision as it is shown; `decided_by` and `ended_by` are people's names."""

    taken: DecisionTaken
    fields: tuple[str, ...]
    decided_by: str
    ended_by: str


@dataclass(frozen=True, kw_only=True)
class ReviewView:
    """`acceptable` pairs the fields that may be accepted with their labels. `against` are the fields in which records
    of the two people contradict each other, and `may_not_join` says that each has a verified number of their own;
    `joins_sources` are the sources of all records that would be shown together. `state` is sent back with the decision,
    so that a decision is refused if anything has changed meanwhile."""

    summary: ReviewSummary
    evidence: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    is_still_linked: bool
    decisions: tuple[Decision, ...]
    acceptable: tuple[tuple[str, str], ...]
    against: tuple[str, ...]
    may_not_join: bool
    joins_sources: tuple[str, ...]
    history: tuple[DecisionLine, ...]
    state: str


def read_review(*, requester: Requester, review_id: UUID) -> ReviewView:
    """Return a doubt with what each side says. The audit names both people: the one in doubt and the linked one.

    Raises: NotPermitted; NotFound.
    """
    with acting(requester, Action.READ_REVIEW, needs=Permission.REVIEW_LINKS, detail={"review": review_id}) as act:
        sides = queries.review_sides(review_id=review_id)
        if sides is None:
            raise NotFound
        summary = sides.summary
        is_still_linked = sides.linked_person_id == summary.person_id
        act.about_people(person_ids=[summary.person_id, sides.linked_person_id or summary.person_id])
        columns = _columns(sides)
        return ReviewView(
            summary=summary,
            evidence=tuple(
                (FIELD_WORDS.get(field, field), word) for field, word in sides.evidence.items() if field != FINGERPRINT
            ),
            columns=tuple(heading for heading, _ in columns),
            rows=_rows(
                [demographics for _, demographics in columns],
                evidence=sides.evidence,
                withheld=_WHEREABOUTS if sides.is_whereabouts_restricted else frozenset(),
            ),
            is_still_linked=is_still_linked,
            decisions=_decisions(sides, is_still_linked=is_still_linked),
            against=tuple(FIELD_WORDS[field] for field in sides.against),
            may_not_join=sides.may_not_join,
            joins_sources=_joined_sources(sides),
            acceptable=tuple((field, FIELD_WORDS[field]) for field in acceptable_fields(evidence=sides.evidence)),
            history=tuple(
                DecisionLine(
                    taken=taken,
                    fields=tuple(FIELD_WORDS.get(field, field) for field in taken.fields),
                    decided_by=_name_of(taken.decided_by),
                    ended_by=_name_of(taken.ended_by) if taken.ended_at else "",
                )
                for taken in sides.decisions
            ),
            state=sides.state,
        )


def _decisions(sides: ReviewSides, /, *, is_still_linked: bool) -> tuple[Decision, ...]:
    """Return the decisions that are offered: not to join people who may not be joined, or of whom one has no record."""
    possible = decisions_for(cause=sides.summary.cause, is_still_linked=is_still_linked)
    may_join = bool(sides.others) and sides.linked_person_id is not None and not sides.may_not_join
    return tuple(decision for decision in possible if decision is not Decision.JOIN or may_join)


def _joined_sources(sides: ReviewSides, /) -> tuple[str, ...]:
    return tuple(dict.fromkeys(side.source_name for side in (sides.record, *sides.own, *sides.others)))


def _columns(sides: ReviewSides) -> list[tuple[str, Demographics]]:
    is_same_person = is_about_the_linked_person(cause=sides.summary.cause)
    is_one = is_same_person or sides.linked_person_id == sides.summary.person_id
    whose = "the person's other record" if is_one else "the other person's record"
    worded = [
        (sides.proposed, "now says"),
        (sides.record, "on record"),
        (sides.before, "before the decision"),
        *((own, "the same person's other record") for own in sides.own),
        *((other, whose) for other in sides.others),
    ]
    return [(f"{side.source_name}: {words}", side.demographics) for side, words in worded if side is not None]


def _rows(columns: list[Demographics], *, evidence: Mapping[str, str], withheld: AbstractSet[str]) -> tuple[Row, ...]:
    rows = []
    for field, label, read in _FIELDS:
        values = tuple(read(demographics) for demographics in columns)
        both_names = evidence.get("name", "") if field in {"family", "given"} else ""
        rows.append(
            Row(
                label=label,
                values=tuple(WITHHELD if value else value for value in values) if label in withheld else values,
                differs=len({str(value).casefold() for value in values if value}) > 1,
                evidence=evidence.get(field, "") or both_names,
            )
        )
    return tuple(rows)


def _name_of(user_id: UUID | None) -> str:
    if user_id is None:
        return "An operator, by a command"
    return name_of_user(user_id=user_id) or "A user who is not known any more"
