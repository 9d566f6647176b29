"""Whatever a connector of another distribution does, its source ends by name and in time, and no other does."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.health.checking import check_due
from aggregator.health.models import SourceHealth
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.open_record import open_record
from aggregator.sources import catalogue
from connectors.contract.categories import RecordCategory
from connectors.contract.errors import Refused, SourceError, Unreachable, WrongPatient
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import CheckedSource, QuarantinedEntry, ReceivedItem, Reply
from fhir_data.errors import EntryFault
from tests.factories import allergy
from tests.one_hospital import JOAN, hospital, load, run, world
from tests.strange_connector import KIND, PATH, Strange
from tests.world import JOAN_NUMBER, PETER_NUMBER, World, signed_in_client

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SUBJECT = json.dumps(JOAN).encode()
SHORT_S, LONG_S = 2.0, 7.0
Does = Callable[[], Awaitable[Any]]
Add = Callable[..., None]
Ended = tuple[Outcome, Reason | None]
ANSWERED, EMPTY = (Outcome.ANSWERED, None), (Outcome.EMPTY, None)
TOO_BUSY = (Outcome.FAILED, Reason.OVERLOAD)
OUR_FAULT, TIMED_OUT = (Outcome.FAILED, Reason.OUR_FAULT), (Outcome.TIMED_OUT, None)
NO_PATIENT = (Outcome.MALFORMED, Reason.NO_PATIENT)
WRONG_PATIENT = (Outcome.MALFORMED, Reason.WRONG_PATIENT)


def resource(*, of: str = "1", **members: Any) -> bytes:
    return json.dumps({**allergy(id="s1", patient={"reference": f"Patient/{of}"}), **members}).encode()


def item(**members: Any) -> ReceivedItem:
    return ReceivedItem(**{"category": RecordCategory.ALLERGIES, "resource": resource(), **members})


def gives(value: Any = None, **members: Any) -> Does:
    async def does() -> Any:
        return Reply(**{"subject": SUBJECT, "items": (item(),), **members}) if value is None else value

    return does


def of_item(**members: Any) -> Does:
    return gives(items=(item(), item(**members)))


def raises(error: BaseException) -> Does:
    async def does() -> Any:
        raise error

    return does


async def never_returns() -> None:
    await asyncio.sleep(3600)


async def goes_on_though_it_is_cancelled() -> None:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            continue


async def cancels_itself() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


class Untold(BaseException):
    """No Exception."""


class Pretended(SourceError):
    outcome = Outcome.ANSWERED


class Unheard(SourceError):
    outcome: Any = "unheard of"


DEEP = b'{"resourceType":"AllergyIntolerance","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
# What it does, how its source ends, and how many items come of it.
CASES: dict[str, tuple[Does, Ended, int]] = {
    "well": (gives(), ANSWERED, 1),
    # It raises what it must not.
    "error": (raises(KeyError(JOAN_NUMBER)), OUR_FAULT, 0),
    "exit": (raises(SystemExit(3)), OUR_FAULT, 0),
    "interrupt": (raises(KeyboardInterrupt()), OUR_FAULT, 0),
    "base": (raises(Untold()), OUR_FAULT, 0),
    "generator-exit": (raises(GeneratorExit()), OUR_FAULT, 0),
    "cancelled": (raises(asyncio.CancelledError()), OUR_FAULT, 0),
    "cancels-itself": (cancels_itself, OUR_FAULT, 0),
    # Its errors are not those of the contract.
    "pretended": (raises(Pretended()), OUR_FAULT, 0),
    "unheard": (raises(Unheard()), OUR_FAULT, 0),
    "another-s-reason": (raises(Refused(Reason.PAGES)), (Outcome.REFUSED, None), 0),
    "words-as-reason": (raises(Refused("Joan said no")), (Outcome.REFUSED, None), 0),  # type: ignore[arg-type]
    "for-ever": (raises(Unreachable(wait_s=float("inf"))), (Outcome.UNREACHABLE, None), 0),
    "for-a-million-years": (raises(Unreachable(wait_s=3e13)), (Outcome.UNREACHABLE, None), 0),
    "no-number": (raises(Unreachable(wait_s=float("nan"))), (Outcome.UNREACHABLE, None), 0),
    "no-wait": (raises(Unreachable(wait_s=None)), (Outcome.UNREACHABLE, None), 0),  # type: ignore[arg-type]
    "names": (raises(WrongPatient(disagrees=f"Joan {JOAN_NUMBER}")), WRONG_PATIENT, 0),  # type: ignore[arg-type]
    "none-disagrees": (raises(WrongPatient(disagrees=None)), WRONG_PATIENT, 0),  # type: ignore[arg-type]
    # It gives no Reply, or one of wrong types.
    "mapping": (gives({"subject": SUBJECT}), OUR_FAULT, 0),
    "text": (gives("hello"), OUR_FAULT, 0),
    "subject-text": (gives(subject=SUBJECT.decode()), OUR_FAULT, 0),
    "items-none": (gives(items=None), OUR_FAULT, 0),
    "items-text": (gives(items=("x",)), OUR_FAULT, 0),
    "no-category": (of_item(category="nonsense"), OUR_FAULT, 0),
    "resource-text": (of_item(resource="{}"), OUR_FAULT, 0),
    "original-text": (of_item(original="{}"), OUR_FAULT, 0),
    "notes-text": (of_item(notes="abc"), OUR_FAULT, 0),
    "labels-none": (of_item(labels=None), OUR_FAULT, 0),
    "no-entry-fault": (
        gives(quarantined=(QuarantinedEntry(reason="odd", detail="", original=b"{}"),)),  # type: ignore[arg-type]
        OUR_FAULT,
        0,
    ),
    "no-notice": (gives(notices=("x",)), OUR_FAULT, 0),
    "notice-of-no-kind": (gives(notices=(Notice(code="odd"),)), OUR_FAULT, 0),  # type: ignore[arg-type]
    "half-a-character": (gives(notices=(Notice(code=NoticeCode.REMARK, text="\ud800"),)), OUR_FAULT, 0),
    "part-of-no-kind": (gives(in_part="some"), OUR_FAULT, 0),
    # Its types are right, and what it says is not.
    "no-subject": (gives(subject=None), NO_PATIENT, 0),
    "subject-no-json": (gives(subject=b"\x00\xff"), NO_PATIENT, 0),
    "subject-no-patient": (gives(subject=SUBJECT.replace(b'"Patient"', b'"Person"')), NO_PATIENT, 0),
    "somebody-else": (gives(subject=SUBJECT.replace(JOAN_NUMBER.encode(), PETER_NUMBER.encode())), WRONG_PATIENT, 0),
    "no-json": (of_item(resource=b"\x00\xff no"), ANSWERED, 1),
    "nothing": (of_item(resource=b""), ANSWERED, 1),
    "list": (of_item(resource=b"[]"), ANSWERED, 1),
    "cut-short": (of_item(resource=resource()[:-5]), ANSWERED, 1),
    "half-characters": (of_item(resource=resource(code={"text": "\ud800"})), ANSWERED, 1),
    "somebody-else-s": (of_item(resource=resource(of="77")), ANSWERED, 1),
    "twice": (gives(items=(item(), item())), ANSWERED, 2),
    "filed-as-billing": (gives(items=(item(category=RecordCategory.BILLING),)), ANSWERED, 1),
    "label-lost": (
        gives(items=(item(resource=resource(meta={"security": [{"system": CONFIDENTIALITY, "code": "V"}]})),)),
        EMPTY,  # for whom it is withheld
        0,
    ),
}


# What is read in a process of its own, for its size.
LARGE: dict[str, tuple[Does, Ended, int]] = {
    "deep": (of_item(resource=DEEP), ANSWERED, 1),
    "set-aside-deep": (
        gives(quarantined=(QuarantinedEntry(reason=EntryFault.TOO_DEEP, detail="", original=DEEP),)),
        ANSWERED,
        1,
    ),
    "long-notices": (
        gives(notices=tuple(Notice(code=NoticeCode.REMARK, text=f"{n}{'x' * 1_000_000}") for n in range(5))),
        ANSWERED,
        1,
    ),
    "many-notices": (
        gives(notices=tuple(Notice(code=NoticeCode.REMARK, text=f"Remark {n}.") for n in range(50_000))),
        ANSWERED,
        1,
    ),
}


@pytest.fixture
def strangers(world: World, settings: Any) -> Iterator[Add]:
    """Registers a source whose connector does something."""
    settings.CONNECTORS = {**settings.CONNECTORS, KIND: PATH}
    catalogue.connector_for.cache_clear()

    def add(slug: str, does: Does, *, limit_s: float = LONG_S) -> None:
        base_url = f"http://127.0.0.1:9/{slug}"
        Strange.does[base_url] = does
        add_source(
            requester=operator(),
            source=NewSource(
                slug=slug,
                name=slug,
                kind=KIND,
                base_url=base_url,
                organisation_ods="X99103",
                organisation_name="Strangers",
                freshness_s=0,
                time_limit_s=limit_s,
            ),
            check=False,
        )
        load(source=slug)

    yield add
    Strange.does.clear()
    catalogue.connector_for.cache_clear()


def ended_at(world: World) -> tuple[dict[str, tuple[Any, Any, int]], UUID, float]:
    """Open Joan's record; return how each source ended, under which id, and after how many seconds."""
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    began = time.monotonic()
    view = run(world, retrieval_id)
    took_s = time.monotonic() - began
    ended = {status.name: (status.outcome, status.reason or None, status.item_count) for status in view.sources}
    return ended, retrieval_id, took_s


def test_whatever_a_connector_does_its_source_ends_by_name_and_no_other_does(world: World, strangers: Add) -> None:
    for slug, (does, _, _) in CASES.items():
        strangers(slug, does)
    expected = {slug: (*how, count) for slug, (_, how, count) in CASES.items()}
    ended, retrieval_id, _ = ended_at(world)
    assert ended == {**expected, "The Surgery": (*ANSWERED, 1)}
    page = signed_in_client("dr.osei").get(reverse("record", args=[retrieval_id]))
    assert page.status_code == 200
    # The loop has outlived it, and whoever asked us to wait waits.
    resting = {"for-a-million-years": (Outcome.NOT_ASKED, Reason.RESTING, 0)}
    assert ended_at(world)[0] == {**expected, **resting, "The Surgery": (*ANSWERED, 1)}


@pytest.mark.parametrize("does", [never_returns, goes_on_though_it_is_cancelled])
def test_one_that_does_not_end_is_left_to_itself_at_its_deadline(world: World, strangers: Add, does: Does) -> None:
    strangers("endless", does, limit_s=SHORT_S)
    for _ in range(2):
        ended, _, took_s = ended_at(world)
        assert ended["endless"] in [(*TIMED_OUT, 0), (*TOO_BUSY, 0)]
        assert ended["The Surgery"] == (*ANSWERED, 1)
        assert took_s < LONG_S


def test_however_much_a_source_says_of_its_answer_the_page_stays_small(world: World, strangers: Add) -> None:
    for slug, (does, _, _) in LARGE.items():
        strangers(slug, does)
    ended, retrieval_id, _ = ended_at(world)
    assert ended == {**{slug: (*how, count) for slug, (_, how, count) in LARGE.items()}, "The Surgery": (*ANSWERED, 1)}
    page = signed_in_client("dr.osei").get(reverse("record", args=[retrieval_id]))
    assert len(page.content) < 100_000
    assert b"(the first of 1,000,001 characters)" in page.content
    assert b"It says 49,980 more things" in page.content


@pytest.mark.parametrize(
    "does",
    [
        goes_on_though_it_is_cancelled,
        raises(SystemExit(3)),
        raises(KeyboardInterrupt()),
        raises(asyncio.CancelledError()),
        gives(CheckedSource(words=7)),  # type: ignore[arg-type]
        gives(CheckedSource(words="odd", holds=frozenset({"odd"}))),  # type: ignore[arg-type]
        gives("odd"),
    ],
)
def test_a_check_by_such_a_connector_ends_and_keeps_no_other_from_being_checked(
    world: World, strangers: Add, does: Does
) -> None:
    strangers("endless", does, limit_s=SHORT_S)
    check_due(clock=timezone.now, rng=random.Random(1))
    checked = {row.source.slug: row.checked_at for row in SourceHealth.objects.select_related("source")}
    assert checked["the-surgery"] is not None
