"""One source asked for one retrieval: connector -> checks -> store -> outcome.

A flight ends with exactly one outcome, which is recorded as it lands. A hospital may hold one person twice: it is asked
under each identifier, and each request ends by itself. An answer about somebody else is never held: it is dropped whole
and a review is raised.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

import redis
import structlog
from django import db
from django.utils import timezone

from aggregator.federation import asking, progress, store
from aggregator.federation.answers import HeldAnswer
from aggregator.federation.clock import SteadyClock
from aggregator.federation.endings import (
    Ending,
    IdentifierEnding,
    ending_of_source,
    failure_of,
    never_asked,
    out_of_time,
    sign_of,
)
from aggregator.federation.engine import GRACE_S, Engine, once_back
from aggregator.federation.guard import Busy, Resting
from aggregator.federation.lag import LagMeter
from aggregator.federation.operations import Ended, FanOut, Landed, PlannedFlight
from aggregator.federation.plan import latest_start
from aggregator.federation.turns import Overloaded, SourceBusy
from aggregator.mpi import operations as mpi_operations
from aggregator.mpi.demographics import Demographics
from aggregator.mpi.matching import judge_answer
from aggregator.mpi.queries import HeldBy, known_records
from aggregator.mpi.reviews import FINGERPRINT, Cause, fingerprint
from aggregator.mpi.subject import demographics_of_patient
from aggregator.record.item import Item
from aggregator.record.patient_details import is_restricted
from aggregator.record.received import item_of
from connectors.contract.errors import Malformed, SourceError, TimedOut, Unreachable, WrongPatient
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import Identifier, QuarantinedEntry, Query, Reply
from connectors.transport.offload import FaultApart
from connectors.transport.pace import Steps, finish_paced
from fhir_data.confidentiality import restricts as restricting
from fhir_data.errors import EntryFault
from fhir_data.heads import entry_name, type_of

log = structlog.get_logger(__name__)

# Part of a flight's time is reserved for storing and recording the answer: nothing may land after the deadline.
RESERVE_SHARE, MAX_RESERVE_S = 0.05, 0.25
# Recording an outcome is tried again until so long past the retrieval's deadline. Seconds.
RECORD_PAST_DEADLINE_S = GRACE_S - 0.5

# Reading and comparing a Patient of so many bytes takes a millisecond or two.
LARGE_PATIENT_BYTES = 16_384
# Sealing so much takes less than half a millisecond.
LARGE_ANSWER_BYTES = 512 * 1024
# Making an item takes some microseconds: so many are made before others have their turn.
ITEMS_A_STEP = 32
# Of the id of an item: as much as of a random UUID, of which each would be a call of the system.
ID_BYTES = 16

OUR_FAULT = Ending(outcome=Outcome.FAILED, reason=Reason.OUR_FAULT)
PAUSED = Ending(outcome=Outcome.NOT_ASKED, reason=Reason.PAUSED)
IN_DOUBT = Ending(outcome=Outcome.NOT_ASKED, reason=Reason.IDENTITY_IN_DOUBT)


@dataclass(frozen=True, kw_only=True)
class _Landing:
    """How the request under one identifier ended, and what is to be held of its answer."""

    source_record_id: UUID
    ending: Ending
    answer: HeldAnswer | None = None
    rest_s: float = 0.0  # for how long the source asks not to be asked again


@dataclass(frozen=True, kw_only=True)
class Flight:
    """One source, asked for one retrieval: what was planned, and what it takes to carry it out.

    Nothing that happens in one flight affects another: `run` does not raise, and writes to the index have threads of
    their own (see `Engine.in_index`).
    """

    planned: PlannedFlight
    fan_out: FanOut
    meter: LagMeter
    engine: Engine
    clock: SteadyClock

    async def run(self) -> None:
        """Ask the source and record how it ended, whatever happens."""
        try:
            landings = await self._land()
            ending = ending_of_source(endings=[landing.ending for landing in landings])
        except Exception as error:  # noqa: BLE001  the boundary of a flight
            self._log_fault("flight_failed", error)
            landings, ending = (), OUR_FAULT
        landed_at = self.clock.now()
        try:
            landed = await self._record(ending=ending, landings=landings, landed_at=landed_at)
            await publish_landed(landed=landed, engine=self.engine)
        except Exception as error:  # noqa: BLE001  the boundary, too: readers infer a missing outcome
            self._log_fault("outcome_not_recorded", error)
        log.info(
            "source_ended",
            retrieval_id=str(self.fan_out.retrieval_id),
            source_id=str(self.planned.source_id),
            outcome=ending.outcome,
            reason=ending.reason,
        )

    async def _land(self) -> Sequence[_Landing]:
        if all(holding.in_doubt for holding in self.planned.holdings):
            landings = [_without_answer(holding, IN_DOUBT) for holding in self.planned.holdings]
        elif self.planned.is_paused:
            landings = [_without_answer(holding, PAUSED) for holding in self.planned.holdings]
        else:
            landings = await self._ask_in_turn()
        return await self._hold(landings)

    async def _ask_in_turn(self) -> list[_Landing]:
        """Wait for a turn, and ask the source under each identifier of the person."""
        latest = latest_start(created_at=self.fan_out.created_at, deadline_at=self.planned.deadline_at)
        queued_s = max(0.0, self.clock.seconds_since(self.fan_out.created_at))
        try:
            async with self.engine.limiter.turn(
                source_id=self.planned.source_id, until=self._loop_time(latest)
            ) as kept_waiting_s:
                return await self._ask_with_leave(until=self._loop_time(latest), waited_s=queued_s + kept_waiting_s)
        except Overloaded:
            ending = Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD)
        except Resting as resting:
            ending = Ending(outcome=Outcome.NOT_ASKED, reason=Reason.RESTING, since=resting.since)
        except (SourceBusy, Busy):
            ending = never_asked(waited_s=queued_s + self.meter.lag_s)
        return [_without_answer(holding, ending) for holding in self.planned.holdings]

    async def _ask_with_leave(self, *, until: float, waited_s: float) -> list[_Landing]:
        """Ask the source if it may be asked now, and note what became of it for all workers.

        Raises: Resting; Busy.
        """
        leave = self.engine.guard.leave_to_ask(
            source_id=self.planned.source_id, until=until, per_minute=self.planned.per_minute
        )
        async with leave as asked:
            self._note_start()
            waited_s += asked.kept_waiting_s
            landings = await asyncio.gather(*(self._ask(holding, waited_s) for holding in self.planned.holdings))
            endings = [landing.ending for landing in landings]
            asked.sign, asked.what = sign_of(endings=endings), failure_of(endings=endings)
            asked.rest_s = max((landing.rest_s for landing in landings), default=0.0)
            return landings

    async def _ask(self, holding: HeldBy, waited_s: float) -> _Landing:
        """Ask the source under one identifier of the person; whatever happens, return how that ended.

        `waited_s` is how long we have kept the request waiting.
        """
        if holding.in_doubt:
            return _without_answer(holding, IN_DOUBT)
        try:
            return await self._answered(holding)
        except (TimeoutError, TimedOut):
            ending = self._out_of_time(waited_s)
        except WrongPatient as error:
            ending = Ending(outcome=error.outcome, reason=error.reason)
            evidence = dict.fromkeys(error.disagrees, "differs")
            await self._raise_review(cause=Cause.ANSWER_ABOUT_ANOTHER, evidence=evidence, holding=holding)
        except Unreachable as error:
            ending = Ending(outcome=error.outcome, reason=error.reason)
            return replace(_without_answer(holding, ending), rest_s=error.wait_s)
        except SourceError as error:
            ending = Ending(outcome=error.outcome, reason=error.reason)
        except Exception as error:  # noqa: BLE001  the boundary: one identifier's fault must not cost another's answer
            self._log_fault("request_failed", error)
            ending = OUR_FAULT
        return _without_answer(holding, ending)

    async def _answered(self, holding: HeldBy) -> _Landing:
        """Ask, and return the answer when it is about the person.

        Raises: SourceError; TimeoutError when the time is over.
        """
        left_s = self.clock.seconds_until(self.planned.deadline_at)
        deadline = self.engine.loop.time() + left_s - min(left_s * RESERVE_SHARE, MAX_RESERVE_S)
        reply = await asking.ask(
            kind=self.planned.kind,
            source=self.planned.address,
            query=Query(
                local_identifiers=(Identifier(system=holding.identifier_system, value=holding.identifier_value),),
                categories=self.fan_out.categories,
                asker=self.fan_out.asker,
                deadline=deadline,
                correlation_id=uuid4(),
            ),
            channels=self.engine.channels,
        )
        check = partial(check_subject, reply=reply, holding=holding, held=self.planned.held)
        # In a thread where a Patient of thousands of identifiers would hold the loop.
        is_large = len(reply.subject or b"") > LARGE_PATIENT_BYTES
        subject = await asyncio.to_thread(check) if is_large else check()
        try:
            async with asyncio.timeout_at(deadline):
                await self._note_restriction(reply=reply, holding=holding, until=deadline)
                await self._note_death(subject=subject, holding=holding, until=deadline)
        except (TimeoutError, db.Error) as error:
            self._log_fault("index_not_updated", error)
            return _without_answer(holding, Ending(outcome=Outcome.FAILED, reason=Reason.NOT_RECORDED))
        if others := [entry for entry in reply.quarantined if entry.reason is EntryFault.OTHER_PATIENT]:
            evidence = await asyncio.to_thread(_evidence_of, others)
            await self._raise_review(cause=Cause.ENTRY_ABOUT_ANOTHER, evidence=evidence, holding=holding)
        return await self._landing_of(reply=reply, holding=holding)

    def _note_start(self) -> None:
        """Have it written that the source is being asked; the outcome is recorded after that."""
        planned = self.planned
        self.engine.starts.note(
            outcome_id=planned.outcome_id, at=self.clock.now(), until=self._loop_time(planned.deadline_at)
        )

    def _out_of_time(self, waited_s: float) -> Ending:
        log.info("out_of_time", source_id=str(self.planned.source_id))
        return out_of_time(waited_s=waited_s + self.meter.lag_s)

    def _loop_time(self, moment: datetime) -> float:
        return self.engine.loop.time() + self.clock.seconds_until(moment)

    async def _note_death(self, *, subject: Demographics, holding: HeldBy, until: float) -> None:
        """Record what an answer says about the person's death, so that its first showing already says so."""
        if subject.deceased is None:
            return
        await self.engine.in_index(
            partial(
                mpi_operations.note_death,
                source_record_id=holding.source_record_id,
                deceased=subject.deceased,
                death_date=subject.death_date,
            ),
            until=until,
        )

    async def _note_restriction(self, *, reply: Reply, holding: HeldBy, until: float) -> None:
        """Record whether an answer restricts the whereabouts, so that they are not told before it has come again."""
        sent = reply.subject_original or reply.subject or b"{}"
        is_large = len(sent) > LARGE_PATIENT_BYTES
        is_marked = await asyncio.to_thread(is_restricted, patient=sent) if is_large else is_restricted(patient=sent)
        restricts = is_marked or any(restricting(label) for label in reply.subject_labels)
        if not restricts and not holding.answer_restricts:
            return
        await self.engine.in_index(
            partial(mpi_operations.note_restriction, source_record_id=holding.source_record_id, restricts=restricts),
            until=until,
        )

    async def _raise_review(self, *, cause: Cause, evidence: dict[str, str], holding: HeldBy) -> None:
        """Raise a review of the source record whose answer was wholly or partly about somebody else."""
        try:
            await self.engine.in_index(
                partial(
                    mpi_operations.raise_review,
                    source_record_id=holding.source_record_id,
                    person_id=self.fan_out.person_id,
                    reason=cause,
                    evidence=evidence,
                    now=self.clock.now(),
                ),
                until=self._loop_time(self.planned.deadline_at),
            )
        except Exception as error:  # noqa: BLE001  the boundary, too: how the request ended is recorded all the same
            self._log_fault("review_not_raised", error)

    async def _landing_of(self, *, reply: Reply, holding: HeldBy) -> _Landing:
        items = await finish_paced(steps=self._items_of(reply), deadline=math.inf)  # it came in time
        answer = HeldAnswer(
            source_record_id=holding.source_record_id,
            received_at=self.clock.now(),
            subject=reply.subject,
            subject_sent=reply.subject_original,
            subject_labels=reply.subject_labels,
            items=items,
            quarantined=reply.quarantined,
            notices=reply.notices,
        )
        clinical = any(item.category.is_clinical for item in items)
        outcome = Outcome.ANSWERED if clinical or reply.quarantined else Outcome.EMPTY
        if reply.in_part:
            outcome = Outcome.ANSWERED_IN_PART
        ending = Ending(outcome=outcome, reason=reply.in_part, item_count=len(items))
        return _Landing(source_record_id=holding.source_record_id, ending=ending, answer=answer)

    def _items_of(self, reply: Reply) -> Steps[tuple[Item, ...]]:
        items: list[Item] = []
        source_id, random = str(self.planned.source_id), os.urandom(ID_BYTES * len(reply.items)).hex()
        for at, received in enumerate(reply.items):
            item_id = random[2 * ID_BYTES * at : 2 * ID_BYTES * (at + 1)]
            items.append(item_of(received=received, item_id=item_id, source_id=source_id))
            if at % ITEMS_A_STEP == 0:
                yield None
        return tuple(items)

    async def _hold(self, landings: Sequence[_Landing]) -> Sequence[_Landing]:
        """Seal and store the answers; one that cannot be stored ends as failed, never as empty or timed out."""
        answers = tuple(landing.answer for landing in landings if landing.answer is not None)
        if not answers:
            return landings
        fan_out, source_id = self.fan_out, self.planned.source_id
        try:
            seal = partial(fan_out.sealer.seal, source_id=source_id, answers=answers)
            # In a thread, compressing and encrypting much lets the loop go on meanwhile.
            is_large = sum(answer.size_bytes for answer in answers) > LARGE_ANSWER_BYTES
            await store.put(
                client=self.engine.redis,
                retrieval_id=fan_out.retrieval_id,
                source_id=source_id,
                blob=await asyncio.to_thread(seal) if is_large else seal(),
                ttl_s=self.clock.seconds_until(fan_out.expires_at),
            )
        except Exception as error:  # noqa: BLE001  the boundary, too: whatever went wrong, it was not the source's fault
            self._log_fault("answer_not_held", error)
            lost = Ending(outcome=Outcome.FAILED, reason=Reason.STORE)
            return [replace(landing, ending=lost, answer=None) if landing.answer else landing for landing in landings]
        return landings

    async def _record(self, *, ending: Ending, landings: Sequence[_Landing], landed_at: datetime) -> tuple[Landed, ...]:
        """Record how the source ended, retrying while that may help; return the retrievals to notify."""
        ended = Ended(
            outcome_id=self.planned.outcome_id,
            ending=ending,
            landed_at=landed_at,
            clock=self.clock,
            by_identifier=tuple(
                IdentifierEnding(source_record_id=landing.source_record_id, ending=landing.ending)
                for landing in landings
            ),
            is_whole=bool(landings) and all(landing.answer and landing.answer.is_whole for landing in landings),
        )
        await self.engine.starts.tried(outcome_id=self.planned.outcome_id)
        until = self._loop_time(self.fan_out.deadline_at) + RECORD_PAST_DEADLINE_S
        return await once_back(partial(self.engine.outcomes.record, ended), until=until)

    def _log_fault(self, event: str, error: Exception) -> None:
        name = error.name if isinstance(error, (FaultApart, asking.ConnectorFault)) else type(error).__name__
        log.error(event, source_id=str(self.planned.source_id), error=name)


def _without_answer(holding: HeldBy, ending: Ending) -> _Landing:
    return _Landing(source_record_id=holding.source_record_id, ending=ending)


def check_subject(*, reply: Reply, holding: HeldBy, held: Sequence[HeldBy]) -> Demographics:
    """Return the demographics of an answer's own Patient, once it is shown to be the person asked for.

    `held` is everything that is linked to the person, at any source.
    Raises: WrongPatient where the answer contradicts any of it; Malformed `no-patient` for an answer without a Patient,
    `unproven` for one that does not show whose it is.
    """
    if reply.subject is None:
        raise Malformed(Reason.NO_PATIENT)
    answered = demographics_of_patient(patient=reply.subject, today=timezone.localdate())
    verdict = judge_answer(answered=answered, known=known_records(asked=holding, held=held))
    if verdict.disagrees:
        raise WrongPatient(disagrees=verdict.disagrees)
    if not verdict.proven:
        raise Malformed(Reason.UNPROVEN)
    return answered


async def publish_landed(*, landed: Sequence[Landed], engine: Engine) -> None:
    """Tell waiting pages that something landed. A lost event makes a page late, not wrong: it reads the state again."""
    for retrieval in landed:
        try:
            kinds = (progress.LANDED, progress.DONE) if retrieval.done else (progress.LANDED,)
            await progress.publish(client=engine.redis, retrieval_id=retrieval.retrieval_id, kinds=kinds)
        except (redis.RedisError, OSError):
            log.warning("event_lost", retrieval_id=str(retrieval.retrieval_id))


def _evidence_of(entries: Sequence[QuarantinedEntry]) -> dict[str, str]:
    """Return how many entries of which types were set aside, and a fingerprint that recognises the same ones."""
    types = Counter(type_of(entry=entry.original) or "entry" for entry in entries)  # what is no FHIR has no type
    parts = sorted(entry_name(entry=entry.original) or entry.original.hex() for entry in entries)
    return {**{name: f"{count} set aside" for name, count in types.items()}, FINGERPRINT: fingerprint(parts=parts)}
