"""What a row of a list says of its entry, and how its conflicts are told on a page."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from aggregator.record.item import Item
from aggregator.record.timeline import Conflict, ConflictKind, DetailLine
from aggregator.services.view_record import RecordView
from aggregator.web.record.page import record_page
from aggregator.web.record.rows import CLAIMS_SHOWN, CONFLICTS_SHOWN, FULL_CONFLICTS, Claim, ConflictShown, Row
from aggregator.web.record.sections import row_maker
from aggregator.web.record.sources import SourceNames
from tests.factories import allergy, concept, condition, item, no_known_allergy
from tests.unit.web.showings import allergies, showing

ENTERED_IN_ERROR = concept(code="entered-in-error")
RETRACTION = Conflict(kind=ConflictKind.RETRACTION, statement="Taken back.", claims=(), entry_keys=("x", "y"))


def asthma(source: str = "practice", **members: Any) -> Item:
    told = condition(code="195967001", display="Asthma", onsetDateTime="2020-01-01", **members)
    return item(resource=told, source=source)


def shown(view: RecordView, **changes: Any) -> Row:
    """Return the row of the only entry of a record, changed as is said."""
    (entry,) = view.record.entries.values()
    return row_maker(view=view).row(entry=replace(entry, **changes))


def conflict(number: int = 1, *, claims: int = 2, entries: int = 1) -> Conflict:
    return Conflict(
        kind=ConflictKind.STATUS,
        statement=f"Statement {number}.",
        claims=tuple(("practice", f"claim {claim}") for claim in range(claims)),
        entry_keys=tuple(f"entry {entry}" for entry in range(entries)),
    )


def test_a_row_says_what_its_entry_is_and_whose() -> None:
    view = showing(asthma("hospital", note=[{"text": "worse in spring"}]), asthma("practice"))
    (entry,) = view.record.entries.values()
    assert shown(view) == Row(
        key=entry.key,
        section="problems",
        heading="Asthma",
        date="01-Jan-2020",
        tag="Current",
        tag_colour="green",
        details=(("Began", "01-Jan-2020"), ("Note", "worse in spring")),
        sources=("Hospital", "Practice"),
        copies=2,
        incidental=False,
        names_no_patient=False,
        may_be_retracted=False,
        conflicts=(),
        flaws=(),
    )


def test_a_row_without_a_date_says_so() -> None:
    assert shown(showing(item(resource=condition()))).date == "Date not recorded"
    assert shown(showing(item(resource=condition(recordedDate="2024-05-01")))).date == "Recorded 01-May-2024"


@pytest.mark.parametrize(
    ("status", "colour"),
    [("active", "green"), ("resolved", "grey"), ("nonsense", "yellow")],
)
def test_how_an_entry_stands_has_its_colour(status: str, colour: str) -> None:
    assert shown(showing(asthma(clinicalStatus=concept(code=status)))).tag_colour == colour


def test_only_what_still_stands_may_have_been_entered_in_error() -> None:
    assert shown(showing(asthma()), conflicts=(RETRACTION,)).may_be_retracted
    assert not shown(showing(asthma()), conflicts=(conflict(),)).may_be_retracted
    assert not shown(showing(asthma(verificationStatus=ENTERED_IN_ERROR)), conflicts=(RETRACTION,)).may_be_retracted


@pytest.mark.parametrize(("count", "more"), [(CONFLICTS_SHOWN, 0), (CONFLICTS_SHOWN + 1, 1), (CONFLICTS_SHOWN + 3, 3)])
def test_the_conflicts_for_which_a_row_has_no_room_are_counted(count: int, more: int) -> None:
    row = shown(showing(asthma()), conflicts=tuple(conflict(number) for number in range(count)))
    assert (len(row.conflicts), row.more_conflicts) == (CONFLICTS_SHOWN, more)
    assert shown(showing(asthma()), conflicts=(conflict(),)).more_conflicts == 0


def test_the_lines_for_which_a_row_has_no_room_are_counted() -> None:
    view = showing(asthma())
    (entry,) = view.record.entries.values()
    lines = tuple(DetailLine(label="Note", value=f"{number}") for number in range(7))
    for room, more in ((5, 2), (7, 0), (9, 0)):
        row = row_maker(view=view, lines=room).row(entry=replace(entry, lines=lines))
        assert (len(row.details), row.more_lines) == (min(room, 7), more)


def test_a_source_that_is_not_in_the_plan_is_called_a_source() -> None:
    names = SourceNames(by_id={"practice": "The Practice"})
    assert (names.of("practice"), names.of("elsewhere")) == ("The Practice", "A source")


# Conflicts


@pytest.mark.parametrize(
    ("kind", "lead"),
    [
        (
            kind,
            {ConflictKind.DOSE_WORDING: "Compare.", ConflictKind.RETRACTION: "Check."}.get(kind, "Sources disagree."),
        )
        for kind in ConflictKind
    ],
)
def test_a_conflict_begins_with_what_the_reader_should_do(kind: ConflictKind, lead: str) -> None:
    (told,) = shown(showing(asthma()), conflicts=(replace(conflict(), kind=kind),)).conflicts
    assert told == ConflictShown(
        lead=lead,
        statement="Statement 1.",
        claims=(Claim(source="Practice", says="claim 0"), Claim(source="Practice", says="claim 1")),
        in_entry=True,
    )


@pytest.mark.parametrize(("entries", "in_entry"), [(1, True), (2, False)])
@pytest.mark.parametrize(("claims", "more"), [(CLAIMS_SHOWN, 0), (CLAIMS_SHOWN + 1, 1)])
def test_the_claims_that_are_not_shown_are_counted_and_found_with_the_entry_or_in_its_section(
    claims: int, more: int, entries: int, in_entry: bool
) -> None:
    (told,) = shown(showing(asthma()), conflicts=(conflict(claims=claims, entries=entries),)).conflicts
    assert (len(told.claims), told.more, told.in_entry) == (CLAIMS_SHOWN, more, in_entry)


def rows_of(*items: Item) -> list[Row]:
    return [row for section in record_page(view=showing(*items)).sections for row in (*section.rows, *section.more)]


def test_a_conflict_of_few_entries_is_told_in_full_beside_each() -> None:
    rows = rows_of(*allergies(count=FULL_CONFLICTS - 1), item(resource=no_known_allergy(), source="hospital"))
    told = [each for row in rows for each in row.conflicts]
    assert len(told) == FULL_CONFLICTS
    assert all(each.claims for each in told)
    assert {(each.anchor, each.pointed_to) for each in told} == {("", "")}


def test_a_conflict_of_many_entries_is_told_in_full_once_and_the_others_point_to_it() -> None:
    first, *others = rows_of(*allergies(count=FULL_CONFLICTS), item(resource=no_known_allergy(), source="hospital"))
    (told,) = first.conflicts
    assert told.claims
    assert told.anchor
    assert len(others) == FULL_CONFLICTS
    for row in others:
        assert row.conflicts == (
            ConflictShown(lead=told.lead, statement=told.statement, claims=(), pointed_to=told.anchor),
        )


def test_every_conflict_that_is_pointed_to_has_a_place_of_its_own_on_the_page() -> None:
    drugs = [
        item(resource=allergy(code=f"{200_000_000 + n}", display=f"Drug {n}", id=f"d{n}", category=["medication"]))
        for n in range(FULL_CONFLICTS)
    ]
    problems = [item(resource=condition(code=f"{300_000_000 + n}", display=f"Problem {n}")) for n in range(5)]
    denials = [
        no_known_allergy(),
        allergy(code="409137002", display="No known drug allergy"),
        condition(code="160245001", display="No current problems"),
    ]
    rows = rows_of(*drugs, *problems, *(item(resource=denial, source="hospital") for denial in denials))
    told = [each for row in rows for each in row.conflicts]
    anchors = [each.anchor for each in told if each.anchor]
    assert len(anchors) == len(set(anchors)) == len(denials)
    assert {each.pointed_to for each in told} - {""} == set(anchors)
