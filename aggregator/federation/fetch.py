"""The fan-out: every planned source at once, each under its own deadline; connector -> store -> outcome.

Every source ends with exactly one outcome, and each is recorded as it lands. A hospital may hold one human twice: it is
asked under each identifier, and each ends by itself. An answer about somebody else is never held: it is dropped whole
and a review is raised.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import redis
import structlog
from django import db
from django.conf import settings
from django.utils import timezone

from aggregator.federation import operations, progress, store
from aggregator.federation.endings import Ending, IdentifierEnding, ending_of_source, out_of_time
from aggregator.federation.engine import GRACE_S, Engine
from aggregator.federation.lag import LagMeter
from aggregator.federation.operations import FanOut, Flight, Landed
from aggregator.federation.store import HeldAnswer, Sealer
from aggregator.mpi import operations as mpi_operations
from aggregator.mpi.demographics import Demographics
from aggregator.mpi.matching import judge_answer
from aggregator.mpi.queries import HeldBy, known_records
from aggregator.mpi.reviews import FINGERPRINT, Cause, fingerprint
from aggregator.mpi.subject import demographics_of_patient
from aggregator.record.item import Item
from aggregator.record.labels import labels_of
from aggregator.sources import catalogue
from connectors.contract.errors import Malformed, SourceError, TimedOut, WrongPatient
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import Identifier, QuarantinedEntry, Query, Reply
from fhir_data.errors import EntryFault
from fhir_data.heads import entry_name, type_of

log = structlog.get_logger(__name__)

# Of an asking's time, kept for holding what came and recording it: nothing may land after the deadline.
RESERVE_SHARE, MOST_RESERVE_S = 0.05, 0.25
# How an outcome that could not be recorded is tried again, up to a little past the retrieval's deadline. Seconds.
RECORD_AGAIN_S, MOST_RECORD_AGAIN_S = 0.05, 0.5
RECORD_PAST_DEADLINE = timedelta(seconds=GRACE_S - 0.5)


@dataclass(frozen=True, kw_only=True)
class _Landing:
    """How the asking under one identifier ended, and what is to be held of its answer."""

    source_record_id: UUID
    ending: Ending
    answer: HeldAnswer | None = None


async def run_retrieval(*, retrieval_id: UUID, engine: Engine) -> None:
    """Run one planned retrieval to its end; do nothing when the database did not plan it."""
    fan_out = await engine.in_database(partial(operations.start, retrieval_id=retrieval_id, now=timezone.now()))
    if fan_out is None:
        log.info("retrieval_not_run", retrieval_id=str(retrieval_id))
        return
    async with LagMeter() as meter:
        await asyncio.gather(
            *(_run_flight(flight=flight, fan_out=fan_out, meter=meter, engine=engine) for flight in fan_out.flights)
        )
    finished = await engine.in_database(partial(operations.finish, retrieval_id=retrieval_id))
    if not fan_out.flights:
        await _tell(landed=finished, engine=engine)  # nothing lands that would tell it


async def _run_flight(*, flight: Flight, fan_out: FanOut, meter: LagMeter, engine: Engine) -> None:
    """Ask one source and record how it ended. Nothing that one source does reaches another's flight."""
    landings: Sequence[_Landing] = await asyncio.gather(
        *(
            _ask(holding=holding, flight=flight, fan_out=fan_out, meter=meter, engine=engine)
            for holding in flight.holdings
        )
    )
    landed_at = timezone.now()
    landings = await _hold(landings=landings, flight=flight, fan_out=fan_out, engine=engine)
    ending = ending_of_source(endings=[landing.ending for landing in landings])
    landed = await _record(
        ending=ending, landings=landings, landed_at=landed_at, flight=flight, fan_out=fan_out, engine=engine
    )
    log.info(
        "source_ended",
        retrieval_id=str(fan_out.retrieval_id),
        source_id=str(flight.source_id),
        outcome=ending.outcome,
        reason=ending.reason,
    )
    await _tell(landed=landed, engine=engine)


async def _ask(*, holding: HeldBy, flight: Flight, fan_out: FanOut, meter: LagMeter, engine: Engine) -> _Landing:
    """Ask a source under one identifier of the person; whatever happens, this ends with how it ended."""
    if holding.in_doubt:
        doubt = Ending(outcome=Outcome.NOT_ASKED, reason=Reason.IDENTITY_IN_DOUBT)
        return _Landing(source_record_id=holding.source_record_id, ending=doubt)
    now = timezone.now()
    if now >= flight.deadline_at:  # nobody asked it
        late = Ending(outcome=Outcome.FAILED, reason=Reason.OVERLOAD)
        return _Landing(source_record_id=holding.source_record_id, ending=late)
    queued_s = (now - fan_out.created_at).total_seconds()
    try:
        return await _answered(holding=holding, flight=flight, fan_out=fan_out, engine=engine)
    except (TimeoutError, TimedOut):
        lag_s = meter.lag_s
        ending = out_of_time(waited_s=max(queued_s, 0.0) + lag_s)
        log.info("out_of_time", source_id=str(flight.source_id), queued_s=round(queued_s, 3), lag_s=round(lag_s, 3))
    except WrongPatient as error:
        ending = Ending(outcome=error.outcome, reason=error.reason or "")
        await _raise_review(
            cause=Cause.ANSWER_ABOUT_ANOTHER,
            evidence=dict.fromkeys(error.disagrees, "differs"),
            holding=holding,
            fan_out=fan_out,
            engine=engine,
        )
    except SourceError as error:
        ending = Ending(outcome=error.outcome, reason=error.reason or "")
    except Exception as error:  # noqa: BLE001  the boundary: a fault of ours must not take other flights down
        log.error("flight_failed", source_id=str(flight.source_id), error=type(error).__name__)
        ending = Ending(outcome=Outcome.FAILED, reason=Reason.OUR_FAULT)
    return _Landing(source_record_id=holding.source_record_id, ending=ending)


async def _answered(*, holding: HeldBy, flight: Flight, fan_out: FanOut, engine: Engine) -> _Landing:
    """Ask, and return the answer when it is about the person.

    Raises: SourceError; TimeoutError when the time is over.
    """
    left_s = (flight.deadline_at - timezone.now()).total_seconds()
    deadline = engine.loop.time() + left_s - min(left_s * RESERVE_SHARE, MOST_RESERVE_S)
    async with asyncio.timeout_at(deadline):
        reply = await catalogue.connector_for(kind=flight.kind).ask(
            source=flight.address,
            query=Query(
                local_identifiers=(Identifier(system=holding.identifier_system, value=holding.identifier_value),),
                categories=fan_out.categories,
                asker=fan_out.asker,
                deadline=deadline,
                correlation_id=uuid4(),
            ),
            channels=engine.channels,
        )
        subject = _check_subject(reply=reply, holding=holding, flight=flight)
        await _note_death(subject=subject, holding=holding, engine=engine)
        if others := [entry for entry in reply.quarantined if entry.reason is EntryFault.OTHER_PATIENT]:
            await _raise_review(
                cause=Cause.ENTRY_ABOUT_ANOTHER,
                evidence=_named(entries=others),
                holding=holding,
                fan_out=fan_out,
                engine=engine,
            )
        return _landing_of(
            reply=reply, received_at=timezone.now(), source_id=flight.source_id, record_id=holding.source_record_id
        )


def _check_subject(*, reply: Reply, holding: HeldBy, flight: Flight) -> Demographics:
    """Return what an answer's own Patient says of who it is about, which is the person asked for.

    Raises: WrongPatient where it contradicts anything that is linked to the person; Malformed `no-patient` for an
    answer that names none, `unproven` for one that shows nothing of whose it is.
    """
    if reply.subject is None:
        raise Malformed(Reason.NO_PATIENT)
    answered = demographics_of_patient(patient=reply.subject, today=timezone.localdate())
    verdict = judge_answer(answered=answered, known=known_records(asked=holding, held=flight.held))
    if verdict.disagrees:
        raise WrongPatient(disagrees=verdict.disagrees)
    if not verdict.proven:
        raise Malformed(Reason.UNPROVEN)
    return answered


async def _note_death(*, subject: Demographics, holding: HeldBy, engine: Engine) -> None:
    """Keep what an answer says of the person's death, so that the first showing of it says so."""
    if subject.deceased is None:
        return
    await engine.in_database(
        partial(
            mpi_operations.note_death,
            source_record_id=holding.source_record_id,
            deceased=subject.deceased,
            death_date=subject.death_date,
        )
    )


def _named(*, entries: Sequence[QuarantinedEntry]) -> dict[str, str]:
    """Return as evidence how many entries of which types were set aside, and a mark by which the same are known."""
    types = Counter(type_of(entry=entry.original) for entry in entries)
    parts = sorted(entry_name(entry=entry.original) or entry.original.hex() for entry in entries)
    return {**{name: f"{count} set aside" for name, count in types.items()}, FINGERPRINT: fingerprint(parts=parts)}


async def _raise_review(
    *, cause: Cause, evidence: dict[str, str], holding: HeldBy, fan_out: FanOut, engine: Engine
) -> None:
    """Raise a review of the source record whose answer was about somebody else, or in part."""
    try:
        await engine.in_database(
            partial(
                mpi_operations.raise_review,
                source_record_id=holding.source_record_id,
                person_id=fan_out.person_id,
                reason=cause,
                evidence=evidence,
                now=timezone.now(),
            )
        )
    except Exception as error:  # noqa: BLE001  the boundary, too: how the asking ended is recorded all the same
        log.error("review_not_raised", source_id=str(holding.source_id), error=type(error).__name__)


def _landing_of(*, reply: Reply, received_at: datetime, source_id: UUID, record_id: UUID) -> _Landing:
    items = tuple(
        Item(
            id=uuid4().hex,
            source_id=str(source_id),
            category=received.category,
            resource=received.resource,
            original=received.original,
            notes=received.notes,
            incidental=received.incidental,
            translated=received.translated,
            labels=labels_of(resource=received.resource),
            full_url=received.full_url,
            subject_references=received.subject_references,
            names_no_patient=received.names_no_patient,
        )
        for received in reply.items
    )
    answer = HeldAnswer(
        source_record_id=record_id,
        received_at=received_at,
        subject=reply.subject,
        items=items,
        quarantined=reply.quarantined,
        notices=reply.notices,
    )
    clinical = any(item.category.is_clinical for item in items)
    outcome = Outcome.ANSWERED if clinical or reply.quarantined else Outcome.EMPTY
    if reply.in_part:
        outcome = Outcome.ANSWERED_IN_PART
    return _Landing(
        source_record_id=record_id,
        ending=Ending(outcome=outcome, reason=reply.in_part or "", item_count=len(items)),
        answer=answer,
    )


async def _hold(*, landings: Sequence[_Landing], flight: Flight, fan_out: FanOut, engine: Engine) -> Sequence[_Landing]:
    """Seal and store what came; when it cannot be held that ends as failed, never as empty or as too slow."""
    answers = tuple(landing.answer for landing in landings if landing.answer is not None)
    if not answers:
        return landings
    lives_s = (fan_out.expires_at - timezone.now()).total_seconds()
    try:
        sealer = Sealer(
            master_key=settings.HELD_ITEMS_KEY, wrapped_key=fan_out.wrapped_key, retrieval_id=fan_out.retrieval_id
        )
        await store.put(
            client=engine.redis,
            retrieval_id=fan_out.retrieval_id,
            source_id=flight.source_id,
            blob=sealer.seal(source_id=flight.source_id, answers=answers),
            lives_s=lives_s,
        )
    except Exception as error:  # noqa: BLE001  the boundary, too: whatever it was, the source is not to blame
        log.error("answer_not_held", source_id=str(flight.source_id), error=type(error).__name__)
        lost = Ending(outcome=Outcome.FAILED, reason=Reason.STORE)
        return [replace(landing, ending=lost, answer=None) if landing.answer else landing for landing in landings]
    return landings


async def _record(
    *,
    ending: Ending,
    landings: Sequence[_Landing],
    landed_at: datetime,
    flight: Flight,
    fan_out: FanOut,
    engine: Engine,
) -> tuple[Landed, ...]:
    """Record how a source ended, trying again while that may help; return the retrievals to tell."""
    pause_s = RECORD_AGAIN_S
    while True:
        try:
            return await engine.in_database(
                lambda: operations.record_outcome(
                    outcome_id=flight.outcome_id,
                    outcome=ending.outcome,
                    reason=ending.reason,
                    item_count=ending.item_count,
                    by_identifier=[
                        IdentifierEnding(source_record_id=landing.source_record_id, ending=landing.ending)
                        for landing in landings
                    ],
                    landed_at=landed_at,
                    now=timezone.now(),  # read on the thread: to wait for one takes time, too
                )
            )
        except db.Error as error:
            if timezone.now() > fan_out.deadline_at + RECORD_PAST_DEADLINE:
                log.error("outcome_not_recorded", source_id=str(flight.source_id), error=type(error).__name__)
                return ()
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, MOST_RECORD_AGAIN_S)


async def _tell(*, landed: Sequence[Landed], engine: Engine) -> None:
    """Tell the pages that wait. A lost event costs a page its promptness, not its truth: it reads the state again."""
    for one in landed:
        try:
            await progress.publish(client=engine.redis, retrieval_id=one.retrieval_id, kind=progress.LANDED)
            if one.done:
                await progress.publish(client=engine.redis, retrieval_id=one.retrieval_id, kind=progress.DONE)
        except (redis.RedisError, OSError):
            log.warning("event_lost", retrieval_id=str(one.retrieval_id))
