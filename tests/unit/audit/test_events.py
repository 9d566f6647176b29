"""What is kept of an event: exactly these bytes."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from aggregator.accounts.requester import anonymous
from aggregator.audit.events import Action, Event, EventOutcome, Subject, canonical_bytes
from connectors.contract.outcomes import Outcome
from tests.factories import requester

USER, PERSON, SOURCE, RETRIEVAL, MEMBERSHIP = (UUID(int=number) for number in range(1, 6))


def test_an_event_is_kept_as_these_bytes_and_no_others() -> None:
    event = Event(
        requester=requester(user_id=USER, membership_id=MEMBERSHIP, organisation_ods="X99101"),
        action=Action.VIEW_RECORD,
        outcome=EventOutcome.SUCCESS,
        subject=Subject(person_id=PERSON, source_id=SOURCE, retrieval_id=RETRIEVAL, entry="0a1b"),
        detail={"part": "entry", "items": 3, "outcomes": {"é": Outcome.ANSWERED}, "ids": (PERSON,), "changed": True},
    )
    assert (
        canonical_bytes(event=event)
        == (
            '{"action":"view-record","client":null,'
            '"detail":{"changed":true,"ids":["00000000-0000-0000-0000-000000000002"],"items":3,'
            '"outcomes":{"é":"answered"},"part":"entry"},'
            '"entry":"0a1b","format":2,"membership":"00000000-0000-0000-0000-000000000005",'
            '"organisation":"X99101","outcome":"success",'
            '"person":"00000000-0000-0000-0000-000000000002","purpose":"TREAT",'
            '"retrieval":"00000000-0000-0000-0000-000000000004","role":"clinician",'
            '"source":"00000000-0000-0000-0000-000000000003","user":"00000000-0000-0000-0000-000000000001"}'
        ).encode()
    )


def test_what_an_event_is_not_about_is_null_and_never_left_out() -> None:
    assert canonical_bytes(event=Event(requester=anonymous(), action=Action.SIGN_IN)) == (
        b'{"action":"sign-in","client":null,"detail":{},"entry":null,"format":2,"membership":null,'
        b'"organisation":"","outcome":"success",'
        b'"person":null,"purpose":"HOPERAT","retrieval":null,"role":"anonymous","source":null,"user":null}'
    )


def test_the_order_in_which_details_were_noted_does_not_matter() -> None:
    one, other = (
        canonical_bytes(event=Event(requester=anonymous(), action=Action.SIGN_IN, detail=detail))
        for detail in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    )
    assert one == other


def test_a_detail_may_be_any_mapping() -> None:
    kept, plain = (
        canonical_bytes(event=Event(requester=anonymous(), action=Action.SIGN_IN, detail=detail))
        for detail in (MappingProxyType({"b": MappingProxyType({"c": 2})}), {"b": {"c": 2}})
    )
    assert kept == plain


@pytest.mark.parametrize("detail", [float("nan"), float("inf"), Decimal("1.0"), object(), {1, 2}, b"1"])
def test_a_detail_that_has_no_single_form_is_refused(detail: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_bytes(event=Event(requester=anonymous(), action=Action.SIGN_IN, detail={"detail": detail}))


def test_who_acted_is_kept_by_id_and_not_by_name() -> None:
    kept = canonical_bytes(event=Event(requester=requester(), action=Action.SIGN_IN)).decode()
    assert not any(name in kept for name in ("Osei", "Ama", "Surgery"))


def test_every_action_has_words_that_complete_a_sentence() -> None:
    assert all(action.words and action.words[0].islower() for action in Action)
    assert len({action.words for action in Action}) == len(Action)
