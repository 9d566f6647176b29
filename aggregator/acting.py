"""The block that every service stands in: permission first, an event in the audit last, a refusal kept.

    with acting(requester, Action.RECORD_OPT_OUT, needs=Permission.MANAGE_CONSENT, about=subject) as act:
        check what was asked for          raising NotFound, Invalid ... is audited, and kept
        act.begin()                       from here on all is one transaction, which ends with the event
        write, and return

Until `begin` no transaction is open, so a block may wait for others or merge a record first; one that writes nothing
never calls it. Where the event cannot be written nothing is done, and nothing is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from enum import Enum, auto
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction

from aggregator.accounts.ends import End
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.audit import operations, queries
from aggregator.audit.events import Action, Event, EventOutcome, Subject
from aggregator.break_glass.terms import EmergencyAccess
from aggregator.consent.decision import Decision
from aggregator.errors import LongviewError, NotFound, NotPermitted

Held = TypeVar("Held")


class Needs(Enum):
    """What lets somebody act, where it is no single permission."""

    GATES = auto()  # consent's gates, the role's among them: the block must ask for their decision
    NOTHING = auto()  # anybody may: signing in and out


class Audit(Enum):
    """When an act leaves an event."""

    ALWAYS = auto()
    ON_REFUSAL = auto()  # for checks that return no content


class Act:
    """One act under way; `acting` makes it."""

    def __init__(self, *, requester: Requester, action: Action, subject: Subject, transaction_stack: ExitStack) -> None:
        self._requester = requester
        self._action = action
        self._subject = subject
        self._people: tuple[UUID, ...] = ()
        self._detail: dict[str, Any] = {}
        self._subject_is_stated = subject != Subject()
        self._emergency: EmergencyAccess | None = None
        self._is_decided = False
        self._is_repeat = False
        self._has_begun = False
        self._has_ended_something = False
        self._is_announced = False
        self._transaction_stack = transaction_stack

    def about(
        self,
        *,
        person_id: UUID | None = None,
        source_id: UUID | None = None,
        retrieval_id: UUID | None = None,
    ) -> None:
        """State what the act is about, beside what was stated before."""
        self._subject = replace(
            self._subject,
            person_id=person_id or self._subject.person_id,
            source_id=source_id or self._subject.source_id,
            retrieval_id=retrieval_id or self._subject.retrieval_id,
        )
        self._subject_is_stated = True

    def about_people(self, *, person_ids: Iterable[UUID]) -> None:
        """State that the act is about each of these people: an event for each, or one about nobody."""
        self._people = tuple(dict.fromkeys(person_ids))
        self._subject_is_stated = True

    def about_nothing_single(self) -> None:
        """State that the act is about no single person, source or retrieval."""
        self._subject_is_stated = True

    def note(self, **detail: Any) -> None:
        """Add to the event, or to that of a refusal: ids, codes and counts, never a name or anything clinical."""
        self._detail.update(detail)

    def require(self, *, decision: Decision) -> None:
        """Go on only if the gates have let the requester through, each time by the same emergency access or by none.

        Raises: NotPermitted with the reason of the first that refused.
        """
        if decision.emergency is not None:
            self.breaks_glass(access=decision.emergency)
        if self._emergency is not None and decision.emergency != self._emergency:
            raise emergency_has_ended()
        if not decision.permitted:
            raise decision.refusal()
        self._is_decided = True

    def breaks_glass(self, *, access: EmergencyAccess) -> None:
        """State that this is done by emergency access: the event says so, by its purpose, and by which."""
        if self._emergency is None:
            self._emergency = access
            self._requester = replace(self._requester, purpose=PurposeOfUse.BREAK_GLASS)
            self.note(break_glass=access.id, reason=access.reason)

    def identify(self, *, requester: Requester) -> None:
        """State who acts, once that is known: signing in is the act of somebody who was not known before."""
        self._requester = requester

    def begin(self) -> None:
        """Open the transaction that is committed with the event. What calls a service must have none open itself."""
        if not self._has_begun:
            self._transaction_stack.enter_context(transaction.atomic(durable=True))
            self._has_begun = True

    def holds(self, context: AbstractContextManager[Held], /) -> Held:
        """Enter a context that ends once the act has been committed, or undone. It is entered before `begin`."""
        if self._has_begun:
            raise RuntimeError(f"{self._action} would let go of what it holds before it is committed")
        return self._transaction_stack.enter_context(context)

    def announce(self) -> None:
        """Commit an event that this is about to be done, in an act that waits for others once it has disclosed
        something: where it ends without another, that event says so."""
        if self._has_begun:
            raise RuntimeError(f"{self._action} says what it is about to do when it has begun")
        with transaction.atomic(durable=True):
            self._append(outcome=EventOutcome.SUCCESS, subject=self._subject, step="begun")
        self._is_announced = True

    def before_commit(self, *, do: Callable[[], None]) -> None:
        """Do something that no rollback undoes once the event is written, and right before that is committed.

        An event that it is about to be done is committed at once: where the last commit fails, or the process ends, it
        may have been done, and that event says so without one of how it ended. It is not done where either event cannot
        be written; where it fails, the second is not committed.
        """
        self.announce()
        self.begin()

        def close(kind: type[BaseException] | None, *_: object) -> None:
            if kind is None:
                do()

        self._transaction_stack.push(close)

    def ends(self, *, end: End, is_whole_act: bool = True, emergency: EmergencyAccess | None = None) -> None:
        """End something that gives access. The end and its event are written by one call.

        What that event is to say is stated before. The block writes no event of its own where the end is the whole act.
        `emergency`: it is the requester's own emergency access, in an act that is about something else: its person and
        its purpose are those of this event alone.
        """
        self.begin()
        detail = {**self._detail, "end-of": end.kind, "id": end.of_id, "at": end.ends_at.isoformat()}
        event = self._event(outcome=EventOutcome.SUCCESS, subject=self._subject, detail=detail)
        if emergency is not None:
            event = replace(
                event,
                requester=replace(self._requester, purpose=PurposeOfUse.BREAK_GLASS),
                subject=replace(self._subject, person_id=emergency.person_id),
                detail={**detail, "break_glass": emergency.id, "reason": emergency.reason},
            )
        operations.append_end(event=event, end=end)
        self._has_ended_something |= is_whole_act

    def shows(self, *, content: str) -> None:
        """State which content is shown, by a name that differs when the content does.

        To show a user what they were shown last of the same retrieval is no new event.
        """
        retrieval_id = self._subject.retrieval_id
        if self._requester.asker_id is not None and retrieval_id is not None:
            last = queries.last_shown(requester=self._requester, retrieval_id=retrieval_id)
            self._is_repeat = last == content
        self.note(content=content)

    def _close(self, *, needs: Permission | Needs, audit: Audit) -> None:
        """Write the events of an act that went well."""
        if needs is Needs.GATES and not self._is_decided:
            raise RuntimeError(f"{self._action} ends without the gates' decision")
        if not self._subject_is_stated:
            raise RuntimeError(f"{self._action} ends without saying what it was about")
        if audit is Audit.ON_REFUSAL or self._is_repeat or self._has_ended_something:
            return
        self.begin()
        done = {"step": "done"} if self._is_announced else {}
        for person_id in self._people or (self._subject.person_id,):
            self._append(outcome=EventOutcome.SUCCESS, subject=replace(self._subject, person_id=person_id), **done)

    def _refuse(self, *, error: LongviewError) -> None:
        """Write a refusal in a transaction of its own. Inside another's that fails: it would vanish with a rollback."""
        self.note(code=error.code)
        if isinstance(error, NotPermitted) and error.gates:
            self.note(gates=error.gates)
        is_refusal = isinstance(error, NotPermitted | NotFound)
        with transaction.atomic(durable=True):
            self._append(
                outcome=EventOutcome.REFUSED if is_refusal else EventOutcome.FAILED,
                subject=self._subject,
            )
        error.is_audited = True

    def _append(self, *, outcome: EventOutcome, subject: Subject, **further: str) -> None:
        operations.append(event=self._event(outcome=outcome, subject=subject, detail={**self._detail, **further}))

    def _event(self, *, outcome: EventOutcome, subject: Subject, detail: Mapping[str, Any]) -> Event:
        return Event(
            requester=self._requester, action=self._action, outcome=outcome, subject=subject, detail=dict(detail)
        )


@contextmanager
def acting(
    requester: Requester,
    action: Action,
    *,
    needs: Permission | Needs,
    about: Subject | None = None,
    detail: Mapping[str, Any] | None = None,
    audit: Audit = Audit.ALWAYS,
) -> Iterator[Act]:
    """Run a service's block as one audited act; `about` and `detail` say what is known of it beforehand.

    An error of ours undoes the act, is committed to the audit and raised on; any other undoes it and is raised on. One
    that a service called inside the block has audited already is not audited again.
    Raises: NotPermitted when the requester lacks the permission; RuntimeError when the block forgets to say what it was
    about or to ask for the decision that it needs, or when a transaction is open already.
    """
    transaction_stack = ExitStack()
    act = Act(requester=requester, action=action, subject=about or Subject(), transaction_stack=transaction_stack)
    act.note(**(detail or {}))
    try:
        with transaction_stack:
            if isinstance(needs, Permission) and not requester.may(needs):
                raise NotPermitted(f"You may not {action.words}.")
            yield act
            act._close(needs=needs, audit=audit)
    except LongviewError as error:
        if not error.is_audited:
            act._refuse(error=error)
        raise


def emergency_has_ended() -> NotPermitted:
    """Return the refusal of what only emergency access showed."""
    return NotPermitted("Your emergency access to this record has ended.", code="emergency-ended")
