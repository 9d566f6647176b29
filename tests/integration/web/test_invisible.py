"""No page of any route hides a character from its reader, wherever a source or a file of identities put it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
import redis
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone

from aggregator.accounts.models import Organisation, User
from aggregator.consent.models import Policy
from aggregator.mpi.models import LinkReview, Person, SourceRecord
from aggregator.mpi.operations import raise_review
from aggregator.sources.models import Source
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from tests.factories import allergy, condition
from tests.guard.test_routes import SAMPLE, every_route
from tests.integration.services.test_showing import answered, held_redis
from tests.unit.record.test_files import encoded, letter
from tests.world import JOAN_NUMBER, make_world, signed_in_client

pytestmark = pytest.mark.django_db

__all__ = ["held_redis"]  # a fixture

HIDDEN = "\u202e\u200b\u200d\x1b\u2066\ufeff"
RAW = re.compile(f"[{HIDDEN}]")
SHOWN = "[U+202E]"
# Pages on which something of a source, or of a file, stands.
SPEAKING = {"find", "record", "record-part", "section", "entry", "document", "document-content"}
SPEAKING |= {"consent", "sources", "reviews", "review"}


def planted(value: Any) -> Any:
    """Return JSON with hidden characters in every text that people read."""
    if isinstance(value, dict):
        return {
            name: f"{HIDDEN}{text}" if name in ("text", "display", "title") and isinstance(text, str) else planted(text)
            for name, text in value.items()
        }
    return [planted(part) for part in value] if isinstance(value, list) else value


def plant_in_tables() -> None:
    """Put hidden characters before every text that a file, an operator or a source put into a table."""
    for model, names in (
        (Source, ["name"]),
        (Organisation, ["name"]),
        (User, ["family", "given"]),
        (Person, ["family", "given", "address_line", "phone"]),
        (SourceRecord, ["family", "given", "address_line", "phone"]),
    ):
        model.objects.update(**{name: Concat(Value(HIDDEN), name) for name in names})
    for person in Person.objects.all():
        Policy.objects.create(person=person, base="basic-normal", note=f"{HIDDEN}x", recorded_at=timezone.now())


def test_every_page_shows_what_a_source_hides(held_redis: redis.Redis) -> None:
    world = make_world()
    attachment = {"contentType": "text/plain", "data": encoded(f"5{HIDDEN.replace(chr(27), '')}0 mg".encode())}
    view = answered(
        world,
        held_redis,
        *(planted(resource) for resource in (allergy(), condition(), letter({**attachment, "title": "Letter"}))),
        notices=(Notice(code=NoticeCode.RESOURCE_WARNING, text=f"{HIDDEN}x", category=RecordCategory.ALLERGIES),),
    )
    record = SourceRecord.objects.get(identifier_value="1")
    raise_review(
        source_record_id=record.id,
        person_id=world.joan,
        reason="answer-about-another",
        evidence={"name": "differs"},
        now=timezone.now(),
    )
    plant_in_tables()
    review_id = LinkReview.objects.get().id
    clients = [signed_in_client(username) for username in ("dr.osei", "ms.lane")]
    speaking = set()
    for name, sample in every_route(values=SAMPLE):
        for entry_key in view.record.entries:
            path = filled(sample, joan=world.joan, retrieval_id=view.retrieval_id, review_id=review_id, key=entry_key)
            for client in clients:
                answer = client.get(path)
                media_type = answer.headers.get("Content-Type", "")
                if answer.streaming or not media_type.startswith("text/"):
                    continue
                page = answer.content.decode()
                assert not RAW.search(page), name
                if SHOWN in page:
                    speaking.add(name)
    assert speaking >= SPEAKING
    results = clients[0].post("/", {"nhs_number": JOAN_NUMBER}).content.decode()
    assert SHOWN in results
    assert not RAW.search(results)


@pytest.mark.parametrize(("query", "sent"), [("", "5[U+202E]0 mg"), ("?save=1", "5\u202e0 mg")])
def test_a_text_is_made_visible_when_it_is_shown_and_saved_as_it_was_sent(
    held_redis: redis.Redis, query: str, sent: str
) -> None:
    view = answered(
        make_world(), held_redis, letter({"contentType": "text/plain", "data": encoded(b"5\xe2\x80\xae0 mg")})
    )
    [entry_key] = view.record.entries
    path = f"/records/{view.retrieval_id}/entries/{entry_key}/documents/1/content{query}"
    assert signed_in_client("dr.osei").get(path).content.decode() == sent


def filled(sample: str, *, joan: UUID, retrieval_id: UUID, review_id: UUID, key: str) -> str:
    path = sample.replace(f"/entries/{SAMPLE['entry_key']}", f"/entries/{key}")
    for name, value in (("retrieval_id", retrieval_id), ("review_id", review_id), ("person_id", joan)):
        path = path.replace(str(SAMPLE[name]), str(value))
    return path
