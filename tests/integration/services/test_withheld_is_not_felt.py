"""With all that runs, from a source's HTTP answer to the pages: what is withheld is felt in nothing that anybody gets.

Compared are every page of a record, the FHIR answer, the questions to the database, the events that the page follows
and those in the audit. `property/test_non_interference.py` tries the same law many times more, without the rest.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import hypothesis
import pytest
import redis
from django.conf import settings
from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import Phase, given

from aggregator.audit.models import AuditEvent
from aggregator.consent.answers import PermittedAnswers, permit_answers
from aggregator.federation import flight
from aggregator.record.item import Item
from aggregator.record.received import item_of
from aggregator.services import view_record as showing
from aggregator.services.open_record import open_record
from connectors.contract.values import ReceivedItem
from tests import proofs
from tests.contract.loopback import r4_capability
from tests.one_hospital import Hospital, hospital, run, world
from tests.statements import asked_in
from tests.withheld import LABELLED_PLACES, Answer, Place, Withheld, id_of, withheld_records
from tests.world import World, signed_in_client

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

# A counterexample is not made smaller: each costs two retrievals, and the property test finds a smaller one.
laws = hypothesis.settings(proofs.laws(examples=2), phases=[Phase.explicit, Phase.generate])
MADE_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
# A labelled Patient is one that says nothing else; here its source must say whom it means. No R4 entry is untranslated.
PLACES = [place for place in LABELLED_PLACES if place not in {Place.PATIENT, Place.UNTRANSLATED}]


@dataclass(frozen=True, kw_only=True)
class Felt:
    """All that can be felt of one retrieval, without what is new for each."""

    pages: dict[str, str]
    fhir: str
    queries: list[str]
    progress: list[str]
    audit: list[tuple[str, str, dict[str, Any]]]


@pytest.mark.parametrize("place", PLACES)
def test_what_is_withheld_is_felt_nowhere(
    place: Place, world: World, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flight, "item_of", with_lasting_id)
    clinician = signed_in_client("dr.osei")

    @laws
    @given(record=withheld_records(place=place))
    def law(record: Withheld) -> None:
        with_it = felt(world, hospital, clinician, record.with_it)
        with pytest.MonkeyPatch.context() as patch:
            # The permitted notice, and the words that go with it.
            patch.setattr(showing, "permit_answers", as_if_withheld)
            without_it = felt(world, hospital, clinician, record.without_it)
        assert with_it == without_it

    law()


def felt(world: World, hospital: Hospital, clinician: Client, answer: Answer) -> Felt:
    """Open Joan's record, let the surgery answer, and look at everything."""
    says(hospital, answer)
    before = AuditEvent.objects.latest("seq").seq
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    view = run(world, retrieval_id)
    assert view.withheld
    record = f"/records/{retrieval_id}"
    sections = {f"section {each.category}": f"{record}/sections/{each.category}" for each in view.record.sections}
    entries = {f"entry {key}": f"{record}/entries/{key}" for key in view.record.entries}
    reset_queries()  # its log is of limited length
    with CaptureQueriesContext(connection) as queries:
        pages = {
            name: clinician.get(path).content.decode()
            for name, path in {"record": record, "part": f"{record}/part", **sections, **entries}.items()
        }
        fhir = clinician.get(f"/fhir/retrievals/{retrieval_id}").content.decode()
    events = AuditEvent.objects.filter(seq__gt=before).order_by("seq")
    return Felt(
        pages={name: lasting(body, retrieval_id) for name, body in pages.items()},
        fhir=lasting(fhir, retrieval_id),
        queries=asked_in(queries),
        progress=progress_of(retrieval_id),
        audit=[(event.action, event.outcome, seen_by_clinicians(event.detail)) for event in events],
    )


def says(hospital: Hospital, answer: Answer) -> None:
    """Let the surgery answer with these pages."""

    def said(path: str, query: dict[str, list[str]]) -> Any:
        if path.endswith("/metadata"):
            return r4_capability(everything=True)
        if not path.endswith("/$everything"):
            return hospital.patients["1"]
        bundles = [*answer.bundles()]
        bundles[0]["entry"][0] = {"resource": hospital.patients["1"]}
        number = int(query.get("page", ["1"])[0])
        if number < len(bundles):
            following = f"{hospital.base}/Patient/1/$everything?page={number + 1}"
            bundles[number - 1]["link"] = [{"relation": "next", "url": following}]
        return bundles[number - 1]

    hospital.answer = said  # type: ignore[method-assign]


def with_lasting_id(*, received: ReceivedItem, item_id: str, source_id: str) -> Item:
    return item_of(received=received, item_id=id_of(received, source_id=source_id), source_id=source_id)


def as_if_withheld(**given_to_it: Any) -> PermittedAnswers:
    permitted = permit_answers(**given_to_it)
    assert not permitted.is_withheld
    return PermittedAnswers(**{**vars(permitted), "is_withheld": True})


def seen_by_clinicians(detail: dict[str, Any]) -> dict[str, Any]:
    """Return an event's detail without the count of what is withheld, which is for auditors, and the name of what was
    shown, which holds the time of the answer."""
    return {name: value for name, value in detail.items() if name not in {"withheld", "content"}}


def lasting(body: str, retrieval_id: UUID) -> str:
    """Return a page or an answer without what is new for every one: its own id, tokens and times."""
    plain = body.replace(str(retrieval_id), "RETRIEVAL")
    plain = re.sub(r"""(nonce|value|csrf[a-z_-]*)=(["'])[^"']{16,}\2""", "", plain)
    # Ids that are made of its own, by the place in which each is first named.
    made = list(dict.fromkeys(re.findall(MADE_ID, plain)))
    plain = re.sub(MADE_ID, lambda match: f"id {made.index(match[0])}", plain)
    return re.sub(r"\d\d:\d\d(:\d\d(\.\d+)?)?", "TIME", plain)


def progress_of(retrieval_id: UUID) -> list[str]:
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        (stream,) = [key for key in client.keys(f"*{retrieval_id}*") if client.type(key) == b"stream"]
        events: Any = client.xrange(stream)
    return [json.dumps(sorted(str(value) for value in fields.values())) for _, fields in events]
