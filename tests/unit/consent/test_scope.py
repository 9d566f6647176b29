"""What a client's token lets through: the gate about the person, and types of what may be shown."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.accounts.roles import Permission, Role
from aggregator.accounts.scopes import read_scopes
from aggregator.consent.beyond_scope import is_beyond, is_notice_beyond, is_set_aside_beyond
from aggregator.consent.gate import Case
from aggregator.consent.gates import scope
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from tests.factories import NOW, condition, item, requester


def passes(**values: Any) -> bool:
    case = Case(
        requester=requester(**values), permission=Permission.VIEW_RECORD, policies=(), relationships=(), now=NOW
    )
    return scope.ask(case).passed


@pytest.mark.parametrize(
    ("scopes", "is_let_in"),
    [
        ("system/*.rs", True),
        ("system/*.r", True),
        ("system/Patient.r", True),
        ("system/Patient.rs system/Observation.rs", True),
        ("system/Observation.rs", False),
        ("system/*.s", False),
        ("system/Patient.s system/Observation.rs", False),
    ],
)
def test_a_token_must_let_its_client_read_who_the_patient_is(scopes: str, is_let_in: bool) -> None:
    assert passes(role=Role.CLIENT, scopes=read_scopes(text=scopes)) is is_let_in


def test_a_person_needs_none_and_a_client_without_one_is_let_in_nowhere() -> None:
    assert passes(role=Role.CLINICIAN, scopes=None)
    assert not passes(role=Role.CLIENT, scopes=None)


# What came, the scopes, and whether it is left out: (type, category, translated, scopes, beyond).
ITEMS = [
    ("Condition", RecordCategory.PROBLEMS, True, "system/Condition.r", False),
    ("Condition", RecordCategory.PROBLEMS, True, "system/*.r", False),
    ("Condition", RecordCategory.PROBLEMS, True, "system/Condition.s", True),
    ("Condition", RecordCategory.PROBLEMS, True, "system/Observation.r", True),
    ("EpisodeOfCare", RecordCategory.ENCOUNTERS, True, "system/Encounter.r", True),
    ("List", RecordCategory.SUPPORTING, True, "system/Organization.r", True),
    ("List", RecordCategory.OTHER, True, "system/List.r", False),
    # Not R4: by the types of its category.
    ("ProcedureRequest", RecordCategory.REFERRALS, False, "system/ServiceRequest.r", False),
    ("ProcedureRequest", RecordCategory.REFERRALS, False, "system/Condition.r", True),
    ("Flag", RecordCategory.OTHER, False, "system/Condition.r", True),
    ("Unheard", RecordCategory.OTHER, False, "system/Condition.r", True),
]


@pytest.mark.parametrize(("kind", "category", "translated", "scopes", "is_left_out"), ITEMS)
def test_an_item_is_left_out_by_its_type(
    kind: str, category: RecordCategory, translated: bool, scopes: str, is_left_out: bool
) -> None:
    sent = item(resource={**condition(), "resourceType": kind}, category=category, translated=translated)
    assert is_beyond(item=sent, scopes=read_scopes(text=scopes)) is is_left_out


def test_an_entry_of_no_known_type_is_counted_to_whoever_may_read_its_part() -> None:
    scopes = read_scopes(text="system/Condition.r")
    for category, is_left_out in (
        (RecordCategory.PROBLEMS, False),
        (RecordCategory.RESULTS, True),
        (RecordCategory.OTHER, False),
    ):
        entry = item(resource={}, category=category)
        assert is_set_aside_beyond(entry=entry, scopes=scopes) is is_left_out


@pytest.mark.parametrize(
    ("category", "is_left_out"),
    [(None, False), (RecordCategory.PROBLEMS, False), (RecordCategory.RESULTS, True), (RecordCategory.OTHER, False)],
)
def test_a_warning_about_a_part_is_for_those_who_may_read_something_of_it(
    category: RecordCategory | None, is_left_out: bool
) -> None:
    notice = Notice(code=NoticeCode.INCOMPLETE, category=category)
    assert is_notice_beyond(notice=notice, scopes=read_scopes(text="system/Condition.r")) is is_left_out
    assert not is_notice_beyond(notice=notice, scopes=None)
