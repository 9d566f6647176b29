"""The block that every service stands in: who may, what is kept, and what a service cannot forget."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from aggregator.accounts.models import Organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Audit, Needs, acting
from aggregator.audit.events import Action, Subject
from aggregator.audit.models import AuditEvent
from aggregator.consent.decision import Decision, decide
from aggregator.errors import Invalid, LongviewError, NotFound, NotPermitted, Superseded
from tests.factories import NOW, organisation, permitting, requester

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING, GATES = Needs.NOTHING, Needs.GATES


@pytest.fixture
def who() -> Requester:
    return requester()


def events(of: Requester) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(user_id=of.user_id).order_by("seq"))


def the_event(of: Requester) -> AuditEvent:
    (event,) = events(of)
    return event


def write(who: Requester, *, raising: Exception | None = None, states_its_subject: bool = True) -> None:
    """Act: add an organisation, then raise this, if anything."""
    with acting(who, Action.ADD_SOURCE, needs=NOTHING) as act:
        assert not connection.in_atomic_block
        if states_its_subject:
            act.about_nothing_single()
        act.note(slug="x")
        act.begin()
        organisation(ods_code="X1")
        if raising:
            raise raising


def was_written() -> bool:
    return Organisation.objects.filter(ods_code="X1").exists()


# Who may


def test_without_the_permission_the_block_is_not_entered_and_the_refusal_says_about_whom(who: Requester) -> None:
    person_id = uuid4()
    about = Subject(person_id=person_id)
    with (
        pytest.raises(NotPermitted, match="You may not see the sources"),
        acting(who, Action.LIST_SOURCES, needs=Permission.VIEW_SOURCES, about=about, detail={"review": person_id}),
    ):
        raise AssertionError("entered")
    event = the_event(who)
    assert (event.action, event.outcome, event.person_id) == ("list-sources", "refused", person_id)
    assert event.detail == {"code": "not-permitted", "review": str(person_id)}


def test_a_decision_that_refuses_ends_the_block_and_names_its_gates(who: Requester) -> None:
    with pytest.raises(NotPermitted), acting(who, Action.OPEN_RECORD, needs=GATES) as act:
        act.require(
            decision=decide(
                requester=who,
                permission=Permission.VIEW_RECORD,
                policies=[],
                relationships=[],
                now=NOW,
                still_acts=True,
            )
        )
    assert the_event(who).detail == {"code": "refused-relationship", "gates": ["relationship"]}


def test_a_block_that_needs_the_gates_cannot_end_without_their_decision(who: Requester) -> None:
    about = Subject(person_id=uuid4())
    with pytest.raises(RuntimeError, match="decision"), acting(who, Action.OPEN_RECORD, needs=GATES, about=about):
        pass
    assert events(who) == []


def test_an_empty_decision_lets_nobody_through(who: Requester) -> None:
    with pytest.raises(NotPermitted), acting(who, Action.OPEN_RECORD, needs=GATES) as act:
        act.require(decision=Decision())
    assert the_event(who).outcome == "refused"


def test_with_the_gates_decision_the_block_goes_on(who: Requester) -> None:
    about = Subject(person_id=uuid4())
    with acting(who, Action.OPEN_RECORD, needs=GATES, about=about) as act:
        act.require(decision=permitting())
    assert the_event(who).outcome == "success"


# What is kept


def test_an_act_and_its_event_are_committed_together(who: Requester) -> None:
    write(who)
    event = the_event(who)
    assert (event.outcome, event.detail) == ("success", {"slug": "x"})
    assert was_written()


def test_an_act_whose_event_cannot_be_written_is_undone(who: Requester, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full(**_: object) -> int:
        raise OSError("the audit is full")

    monkeypatch.setattr("aggregator.acting.operations.append", is_full)
    with pytest.raises(OSError, match="full"):
        write(who)
    assert not was_written()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotPermitted("You may not."), "refused"),
        (NotFound(), "refused"),
        (Invalid("No.", code="note"), "failed"),
        (Superseded("It has changed."), "failed"),
    ],
)
def test_an_error_of_ours_undoes_the_act_and_is_kept_itself(who: Requester, error: LongviewError, outcome: str) -> None:
    with pytest.raises(type(error)) as raised:
        write(who, raising=error)
    assert raised.value is error
    event = the_event(who)
    assert (event.outcome, event.detail) == (outcome, {"code": error.code, "slug": "x"})
    assert not was_written()


def test_any_other_error_undoes_the_act_and_leaves_no_event(who: Requester) -> None:
    with pytest.raises(ZeroDivisionError):
        write(who, raising=ZeroDivisionError())
    assert events(who) == []
    assert not was_written()
    assert not connection.in_atomic_block


def test_inside_the_transaction_of_somebody_else_an_act_fails_loudly_and_so_does_a_refusal(who: Requester) -> None:
    with (
        pytest.raises(RuntimeError, match="durable"),
        transaction.atomic(),
        acting(who, Action.ADD_SOURCE, needs=NOTHING) as act,
    ):
        act.about_nothing_single()
    with (
        pytest.raises(RuntimeError, match="durable"),
        transaction.atomic(),
        acting(who, Action.ADD_SOURCE, needs=NOTHING),
    ):
        raise NotFound
    assert events(who) == []


def test_a_refusal_of_a_service_that_a_service_calls_is_one_event(who: Requester) -> None:
    with (
        pytest.raises(NotFound),
        acting(who, Action.VIEW_RECORD, needs=NOTHING),
        acting(who, Action.CHECK_PROGRESS, needs=NOTHING),
    ):
        raise NotFound
    assert [event.action for event in events(who)] == ["check-progress"]


def test_the_one_who_signs_in_is_the_one_who_acted(who: Requester) -> None:
    with acting(requester(), Action.SIGN_IN, needs=NOTHING) as act:
        act.about_nothing_single()
        act.identify(requester=who)
    assert the_event(who).action == "sign-in"


# What it was about


def test_a_block_that_does_not_say_what_it_was_about_fails_and_is_undone(who: Requester) -> None:
    with pytest.raises(RuntimeError, match="about"):
        write(who, states_its_subject=False)
    assert events(who) == []
    assert not was_written()


def test_what_it_was_about_is_gathered_as_it_becomes_known(who: Requester) -> None:
    person_id, retrieval_id, source_id = uuid4(), uuid4(), uuid4()
    with acting(who, Action.VIEW_RECORD, needs=NOTHING, about=Subject(retrieval_id=retrieval_id, entry="e")) as act:
        act.about(person_id=person_id)
        act.about(source_id=source_id)
    event = the_event(who)
    assert (event.person_id, event.retrieval_id, event.source_id, event.entry) == (
        person_id,
        retrieval_id,
        source_id,
        "e",
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_person_gets_an_event_and_nobody_one_all_the_same(who: Requester, count: int) -> None:
    people = [UUID(int=number) for number in range(count)]
    with acting(who, Action.FIND_PERSON, needs=NOTHING) as act:
        act.about_people(person_ids=[*people, *people])
    assert [event.person_id for event in events(who)] == (people or [None])


def test_a_check_that_returns_no_content_is_audited_only_when_it_is_refused(who: Requester) -> None:
    about = Subject(retrieval_id=uuid4())
    with acting(who, Action.CHECK_PROGRESS, needs=NOTHING, about=about, audit=Audit.ON_REFUSAL):
        pass
    assert events(who) == []
    with (
        pytest.raises(NotFound),
        acting(who, Action.CHECK_PROGRESS, needs=NOTHING, about=about, audit=Audit.ON_REFUSAL),
    ):
        raise NotFound
    assert the_event(who).outcome == "refused"


# Showing the same again


def show(who: Requester, *, content: str, retrieval_id: UUID, raising: Exception | None = None) -> None:
    with acting(who, Action.VIEW_RECORD, needs=NOTHING, about=Subject(retrieval_id=retrieval_id)) as act:
        act.shows(content=content)
        if raising:
            raise raising


def test_the_same_content_again_is_no_new_event_and_other_content_is(who: Requester) -> None:
    retrieval_id = uuid4()
    for content in ("a", "a", "b", "b", "a"):
        show(who, content=content, retrieval_id=retrieval_id)
    assert [event.detail["content"] for event in events(who)] == ["a", "b", "a"]


def test_the_same_content_of_another_retrieval_or_for_another_user_is_an_event(who: Requester) -> None:
    other, retrieval_id = requester(), uuid4()
    show(who, content="a", retrieval_id=retrieval_id)
    show(who, content="a", retrieval_id=uuid4())
    show(other, content="a", retrieval_id=retrieval_id)
    assert (len(events(who)), len(events(other))) == (2, 1)


def test_the_same_content_after_a_refusal_is_an_event(who: Requester) -> None:
    retrieval_id = uuid4()
    show(who, content="a", retrieval_id=retrieval_id)
    with pytest.raises(NotFound):
        show(who, content="a", retrieval_id=retrieval_id, raising=NotFound())
    show(who, content="a", retrieval_id=retrieval_id)
    assert [event.outcome for event in events(who)] == ["success", "refused", "success"]


def test_a_showing_that_was_undone_does_not_count_as_shown(who: Requester, monkeypatch: pytest.MonkeyPatch) -> None:
    retrieval_id = uuid4()
    with monkeypatch.context() as broken:
        broken.setattr("aggregator.acting.operations.append", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            show(who, content="a", retrieval_id=retrieval_id)
    show(who, content="a", retrieval_id=retrieval_id)
    assert len(events(who)) == 1
