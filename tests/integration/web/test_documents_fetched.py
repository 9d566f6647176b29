"""A document that did not come with the record is asked for by whoever may see it, and opened on the same page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import redis
from django.http import HttpResponse

from aggregator.audit.models import AuditEvent
from aggregator.federation import documents, load, tasks
from aggregator.federation.admission import LATEST_S, SOONEST_S
from aggregator.federation.engine import close_engine, engine
from aggregator.services.view_record import RecordView
from connectors.contract.errors import Refused
from connectors.contract.outcomes import Reason
from connectors.contract.values import Document
from connectors.fhir_r4.connector import FhirR4
from tests.crowds import apart, crowded
from tests.factories import restricted
from tests.integration.services.test_showing import answered, held_redis
from tests.integration.web.test_documents import address, get
from tests.unit.record.test_files import PDF, binary, encoded, letter
from tests.world import World, make_world, signed_in_client

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["held_redis"]  # a fixture

AT_SOURCE = {"contentType": "application/pdf", "url": "Binary/b"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    yield make_world()
    close_engine()


class Source:
    """What the source gives, when it is asked; the worker is this process, and works when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gives: Document | Exception = document()
        self.queued: list[dict[str, Any]] = []

    def work(self) -> None:
        for message in self.queued:
            fetching = documents.fetch(
                retrieval_id=message["retrieval_id"], document_id=message["document_id"], engine=engine()
            )
            engine().start(fetching, within_s=5).result()
        self.queued.clear()


def document(content: bytes = PDF, content_type: str = "application/pdf", **head: Any) -> Document:
    written = json.dumps({"resourceType": "Binary", **head}).encode()
    return Document(content_type=content_type, encoded=encoded(content), head=written)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    found = Source()

    async def fetch_document(*_: object, query: Any, **__: object) -> Document:
        found.asked.append(query.address)
        if isinstance(found.gives, Exception):
            raise found.gives
        return found.gives

    monkeypatch.setattr(FhirR4, "fetch_document", fetch_document)
    monkeypatch.setattr(tasks, "send_document", lambda **message: found.queued.append(message))
    return found


def post(view: RecordView, *, user: str = "dr.osei") -> HttpResponse:
    response: HttpResponse = signed_in_client(user).post(f"{address(view)}/fetch")
    return response


def page(view: RecordView) -> str:
    return get(address(view)).content.decode()


def test_it_is_asked_for_waited_for_and_opened(world: World, held_redis: redis.Redis, source: Source) -> None:
    view = answered(world, held_redis, letter(AT_SOURCE))
    assert "This document did not come with the record." in page(view)
    response = post(view)
    assert (response.status_code, response["Location"]) == (302, address(view))
    assert "Asking The Surgery for this document." in page(view)
    assert get(f"{address(view)}/content").status_code == 404
    source.work()
    assert source.asked == ["Binary/b"]
    assert "<iframe" in page(view)
    content = get(f"{address(view)}/content")
    assert (content.content, content["Content-Type"]) == (PDF, "application/pdf")


@pytest.mark.parametrize(
    ("gives", "said"),
    [
        (document(b"<script></script>"), "is not of the type that its source says"),
        (document(PDF, "image/png"), "is not of the type that its source says"),
        (document(b""), "without any content"),
    ],
)
def test_what_comes_is_checked_like_what_came_with_the_record(
    world: World, held_redis: redis.Redis, source: Source, gives: Document, said: str
) -> None:
    source.gives = gives
    view = answered(world, held_redis, letter(AT_SOURCE))
    post(view)
    source.work()
    assert said in page(view)
    assert get(f"{address(view)}/content").status_code == 404


def test_why_it_did_not_come_is_said_and_it_can_be_asked_for_again(
    world: World, held_redis: redis.Redis, source: Source
) -> None:
    source.gives = Refused(Reason.NO_DOCUMENT)
    view = answered(world, held_redis, letter(AT_SOURCE))
    post(view)
    source.work()
    assert "it no longer has the document, or does not give it" in page(view)
    source.gives = document()
    post(view)
    source.work()
    assert "<iframe" in page(view)


def test_one_too_many_is_turned_away_and_has_a_place_until_it_is_over(
    world: World, held_redis: redis.Redis, source: Source
) -> None:
    view = answered(world, held_redis, letter(AT_SOURCE))
    with apart() as held:
        crowded(held)
        refused = post(view)
        assert refused.status_code == 503
        assert "too busy to ask for a document just now" in refused.content.decode()
        assert SOONEST_S <= int(refused["Retry-After"]) <= LATEST_S
        assert (source.queued, held.zcard(load.UNDER_WAY)) == ([], 4)
        assert "This document did not come with the record." in page(view)
        held.zpopmin(load.UNDER_WAY)
        assert post(view).status_code == 302
        assert held.zcard(load.UNDER_WAY) == 4
        source.work()
        assert held.zcard(load.UNDER_WAY) == 3
        crowded(held)
        assert post(view).status_code == 302  # it is there, and nothing is asked
    assert source.asked == ["Binary/b"]


def the_queue_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(**_: object) -> None:
        raise tasks.QueueUnavailable

    monkeypatch.setattr(tasks, "send_document", unavailable)


def test_one_that_no_worker_can_be_told_of_gives_its_place_back(
    world: World, held_redis: redis.Redis, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_queue_is_away(monkeypatch)
    view = answered(world, held_redis, letter(AT_SOURCE))
    with apart() as held:
        post(view)
        assert held.zcard(load.UNDER_WAY) == 0


def test_when_no_worker_can_be_told_the_page_says_so(
    world: World, held_redis: redis.Redis, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    the_queue_is_away(monkeypatch)
    view = answered(world, held_redis, letter(AT_SOURCE))
    post(view)
    assert "Fault on our side: the request could not be started" in page(view)


def test_a_fetched_document_that_is_labelled_is_withheld(world: World, held_redis: redis.Redis, source: Source) -> None:
    source.gives = document(meta=restricted())
    view = answered(world, held_redis, letter(AT_SOURCE))
    post(view)
    source.work()
    assert "it is marked as confidential" in page(view)
    assert get(f"{address(view)}/content").status_code == 404


def test_one_whose_file_is_withheld_can_be_asked_for_by_nobody(
    world: World, held_redis: redis.Redis, source: Source
) -> None:
    entry, _, number = address(answered(world, held_redis, letter(AT_SOURCE))).rpartition("/documents/")
    view = answered(world, held_redis, letter(AT_SOURCE), binary(meta=restricted()))
    path = f"/records/{view.retrieval_id}/entries/{entry.rpartition('/')[2]}/documents/{number}"
    assert signed_in_client("dr.osei").get(path).status_code == 404
    assert signed_in_client("dr.osei").post(f"{path}/fetch").status_code == 404
    assert source.queued == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:alert(1)", ""])
def test_what_is_not_at_its_source_is_not_asked_for(
    world: World, held_redis: redis.Redis, source: Source, url: str
) -> None:
    view = answered(world, held_redis, letter({"title": "t", "url": url}))
    assert "Ask for this document" not in page(view)
    assert post(view).status_code == 400
    assert source.queued == []


def test_nobody_else_may_ask_for_it(world: World, held_redis: redis.Redis, source: Source) -> None:
    view = answered(world, held_redis, letter(AT_SOURCE))
    assert post(view, user="dr.far").status_code == 404
    assert post(view, user="ms.lane").status_code == 404
    assert signed_in_client("dr.osei").get(f"{address(view)}/fetch").status_code == 405
    assert source.queued == []


def test_the_asking_is_an_event_that_names_nothing_in_it(world: World, held_redis: redis.Redis, source: Source) -> None:
    view = answered(world, held_redis, letter(AT_SOURCE))
    post(view)
    (event,) = AuditEvent.objects.filter(action="fetch-document", retrieval_id=view.retrieval_id)
    assert (event.person_id, event.retrieval_id) == (world.joan, view.retrieval_id)
    assert event.source_id == UUID(view.sources[0].source_id)
    assert "Binary" not in str(event.detail)
