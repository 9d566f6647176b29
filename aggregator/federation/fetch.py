"""The fan-out: every planned source at once, each under its own deadline; connector -> store -> outcome.

Every source ends with exactly one outcome, and each is recorded as it lands. An answer about somebody else is never
held: it is dropped whole and a review is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

import redis
import structlog
from django.conf import settings
from django.utils import timezone

from aggregator.federation import operations, progress, store
from aggregator.federation.engine import Engine
from aggregator.federation.operations import FanOut, Flight, Landed
from aggregator.federation.store import HeldAnswer, SealBroken, Sealer
from aggregator.mpi import operations as mpi_operations
from aggregator.mpi.demographics import Demographics
from aggregator.mpi.matching import judge_answer
from aggregator.mpi.queries import HeldBy, known_records
from aggregator.mpi.subject import demographics_of_patient
from aggregator.record.item import Item
from aggregator.record.labels import labels_of
from aggregator.sources import catalogue
from connectors.contract import Malformed, NotAsked, Notice, Query, Reply, SourceError, WrongPatient
from connectors.outcomes import Outcome, Reason

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """How one source ended, and what is to be held of its answer."""

    outcome: Outcome
    reason: str = ""
    answer: HeldAnswer | None = None


async def run_retrieval(*, retrieval_id: UUID, engine: Engine) -> None:
    """Run one planned retrieval to its end; do nothing when the database did not plan it."""
    fan_out = await engine.in_database(partial(operations.start, retrieval_id=retrieval_id, now=timezone.now()))
    if fan_out is None:
        log.info("retrieval_not_run", retrieval_id=str(retrieval_id))
        return
    await asyncio.gather(*(_run_flight(flight=flight, fan_out=fan_out, engine=engine) for flight in fan_out.flights))
    finished = await engine.in_database(partial(operations.finish, retrieval_id=retrieval_id))
    if not fan_out.flights:
        await _tell(landed=finished, engine=engine)  # nothing lands that would tell it


async def _run_flight(*, flight: Flight, fan_out: FanOut, engine: Engine) -> None:
    """Ask one source and record how it ended. Nothing that one source does reaches another's flight."""
    ending = await _ask(flight=flight, fan_out=fan_out, engine=engine)
    if ending.answer is not None:
        ending = await _hold(ending=ending, answer=ending.answer, flight=flight, fan_out=fan_out, engine=engine)
    landed = await engine.in_database(
        partial(
            operations.record_outcome,
            outcome_id=flight.outcome_id,
            outcome=ending.outcome,
            reason=ending.reason,
            item_count=len(ending.answer.items) if ending.answer else 0,
            now=timezone.now(),
        )
    )
    log.info(
        "source_ended",
        retrieval_id=str(fan_out.retrieval_id),
        source_id=str(flight.source_id),
        outcome=ending.outcome,
        reason=ending.reason,
    )
    await _tell(landed=landed, engine=engine)


async def _ask(*, flight: Flight, fan_out: FanOut, engine: Engine) -> _Ending:
    remaining_s = (flight.deadline_at - timezone.now()).total_seconds()
    try:
        async with asyncio.timeout(max(0.0, remaining_s)):
            reply = await _ask_under_each_identifier(
                flight=flight, fan_out=fan_out, engine=engine, deadline=engine.loop.time() + remaining_s
            )
            return _ending_of(reply=reply, received_at=timezone.now(), source_id=flight.source_id)
    except TimeoutError:
        return _Ending(outcome=Outcome.TIMED_OUT)
    except WrongPatient as error:
        await _raise_reviews(disagrees=error.disagrees, flight=flight, fan_out=fan_out, engine=engine)
        return _Ending(outcome=error.outcome, reason=error.reason or "")
    except SourceError as error:
        return _Ending(outcome=error.outcome, reason=error.reason or "")
    except Exception as error:  # noqa: BLE001  the boundary: a fault of ours must not take other flights down
        log.error("flight_failed", source_id=str(flight.source_id), error=type(error).__name__)
        return _Ending(outcome=Outcome.FAILED, reason=Reason.OUR_FAULT)


async def _ask_under_each_identifier(*, flight: Flight, fan_out: FanOut, engine: Engine, deadline: float) -> Reply:
    """Ask for each identifier under which the source holds the person; a hospital may hold one human twice.

    When some of several asks fail, the answer is what came, with a notice that it is not whole.
    Raises: SourceError, the first one, when none answered; NotAsked when no link is left to ask under.
    """
    if not flight.holdings:
        raise NotAsked(Reason.IDENTITY_IN_DOUBT if flight.in_doubt else Reason.NO_LINK)
    connector = catalogue.connector_for(kind=flight.kind)
    queries = [
        Query(
            local_identifiers=(identifier,),
            categories=fan_out.categories,
            asker=fan_out.asker,
            deadline=deadline,
            correlation_id=uuid4(),
        )
        for identifier in flight.identifiers
    ]
    answers = await asyncio.gather(
        *(connector.ask(source=flight.address, query=query, transport=engine.transport) for query in queries),
        return_exceptions=True,
    )
    replies = [answer for answer in answers if isinstance(answer, Reply)]
    for failure in answers:
        if isinstance(failure, BaseException) and (not replies or not isinstance(failure, SourceError)):
            raise failure
    subjects = [
        (holding, _check_subject(reply=answer, holding=holding, flight=flight))
        for holding, answer in zip(flight.holdings, answers, strict=True)
        if isinstance(answer, Reply)
    ]
    for holding, subject in subjects:
        await _note_death(subject=subject, holding=holding, engine=engine)
    incomplete = (Notice(code="incomplete"),) if len(replies) < len(answers) or flight.in_doubt else ()
    return Reply(
        subject=replies[0].subject,
        subject_original=replies[0].subject_original,
        items=tuple(item for reply in replies for item in reply.items),
        quarantined=tuple(entry for reply in replies for entry in reply.quarantined),
        notices=tuple(notice for reply in replies for notice in reply.notices) + incomplete,
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


async def _raise_reviews(*, disagrees: Sequence[str], flight: Flight, fan_out: FanOut, engine: Engine) -> None:
    for holding in flight.holdings:
        await engine.in_database(
            partial(
                mpi_operations.raise_review,
                source_record_id=holding.source_record_id,
                person_id=fan_out.person_id,
                reason="answer-about-another",
                evidence=dict.fromkeys(disagrees, "differs"),
                now=timezone.now(),
            )
        )


def _ending_of(*, reply: Reply, received_at: datetime, source_id: UUID) -> _Ending:
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
        received_at=received_at,
        subject=reply.subject,
        items=items,
        quarantined=reply.quarantined,
        notices=reply.notices,
    )
    clinical = any(item.category.is_clinical for item in items)
    outcome = Outcome.ANSWERED if clinical or reply.quarantined else Outcome.EMPTY
    return _Ending(outcome=outcome, answer=answer)


async def _hold(*, ending: _Ending, answer: HeldAnswer, flight: Flight, fan_out: FanOut, engine: Engine) -> _Ending:
    """Seal and store an answer; when it cannot be held the source ends as failed, never as empty or as too slow."""
    lives_s = (fan_out.expires_at - timezone.now()).total_seconds()
    try:
        sealer = Sealer(
            master_key=settings.HELD_ITEMS_KEY, wrapped_key=fan_out.wrapped_key, retrieval_id=fan_out.retrieval_id
        )
        await store.put(
            client=engine.redis,
            retrieval_id=fan_out.retrieval_id,
            source_id=flight.source_id,
            blob=sealer.seal(source_id=flight.source_id, answer=answer),
            lives_s=lives_s,
        )
    except (redis.RedisError, OSError, SealBroken) as error:
        log.error("answer_not_held", source_id=str(flight.source_id), error=type(error).__name__)
        return _Ending(outcome=Outcome.FAILED, reason=Reason.STORE)
    return ending


async def _tell(*, landed: Sequence[Landed], engine: Engine) -> None:
    """Tell the pages that wait. A lost event costs a page its promptness, not its truth: it reads the state again."""
    for one in landed:
        try:
            await progress.publish(client=engine.redis, retrieval_id=one.retrieval_id, kind=progress.LANDED)
            if one.done:
                await progress.publish(client=engine.redis, retrieval_id=one.retrieval_id, kind=progress.DONE)
        except (redis.RedisError, OSError):
            log.warning("event_lost", retrieval_id=str(one.retrieval_id))
