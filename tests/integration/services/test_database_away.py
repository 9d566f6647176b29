"""PostgreSQL is away for three seconds: no answer is lost, and whoever asks meanwhile is told to try again shortly."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest
from django.utils import timezone

from aggregator.federation.models import Retrieval, RetrievalState, SourceOutcome
from aggregator.services.open_record import open_record
from launcher import children, processes
from tests.door import Visitor
from tests.hospital import running
from tests.integration.services.test_one_slow_source import endings
from tests.many_people import ManyPeople, hospital, load_people
from tests.own_worker import own_worker
from tests.way import Way
from tests.world import JOAN_NUMBER, PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("everything_let_in")]

AWAY_S = 3.0
PATIENCE_S = 20.0


@pytest.fixture
def way(process_environment: dict[str, str]) -> Iterator[Way]:
    to_database = Way(url=process_environment["DATABASE_URL"])
    yield to_database
    to_database.cut()


@pytest.fixture
def people(
    way: Way,
    process_environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    transactional_db: None,
) -> Iterator[ManyPeople]:
    """Three people at two hospitals, and a worker whose way to the database can be cut."""
    with ExitStack() as stack:
        served = [stack.enter_context(running(hospital(after_s=after_s))) for after_s in (0.2, 0.6)]
        addresses = dict(zip(("surgery", "clinic"), (one.address for one in served), strict=True))
        loaded = load_people(count=3, addresses=addresses)
        environment = {**process_environment, "DATABASE_URL": way.url}
        stack.enter_context(own_worker(environment=environment, logs=tmp_path, database=58, monkeypatch=monkeypatch))
        yield loaded


def opened(people: ManyPeople) -> list[UUID]:
    return [
        open_record(requester=people.world.clinician, person_id=person_id, now=timezone.now())
        for person_id in people.person_ids
    ]


def all_answered(retrieval_ids: list[UUID]) -> dict[str, Counter[tuple[str, str]]]:
    """Return how the sources end where no answer is lost."""
    return {name: Counter({("answered", ""): len(retrieval_ids)}) for name in ("The Surgery", "Clinic")}


def test_answers_that_land_meanwhile_are_recorded_when_it_is_back(people: ManyPeople, way: Way) -> None:
    retrieval_ids = opened(people)
    until = time.monotonic() + PATIENCE_S
    while SourceOutcome.objects.filter(asked_at=None).exists():
        assert time.monotonic() < until, list(SourceOutcome.objects.values("outcome", "reason", "asked_at", "ended_at"))
        time.sleep(0.01)
    way.cut()
    assert SourceOutcome.objects.filter(outcome=None).exists(), "the database was cut off too late to tell"
    time.sleep(AWAY_S)
    way.restore()
    assert endings(retrieval_ids) == all_answered(retrieval_ids)


def test_records_that_are_asked_for_meanwhile_are_retrieved_when_it_is_back(people: ManyPeople, way: Way) -> None:
    way.cut()
    retrieval_ids = opened(people)
    time.sleep(AWAY_S)
    assert set(Retrieval.objects.values_list("state", flat=True)) == {RetrievalState.PLANNED}
    way.restore()
    assert endings(retrieval_ids) == all_answered(retrieval_ids)


def test_whoever_asks_meanwhile_is_told_to_try_again_shortly_and_a_live_page_goes_on(
    people: ManyPeople, way: Way, process_environment: dict[str, str], tmp_path: Path
) -> None:
    web = children.start_web(environment={**process_environment, "DATABASE_URL": way.url}, logs=tmp_path)
    try:
        processes.wait_until(ready=lambda: web.answers("/readyz"), child=web.child, within_s=60)
        visitor = Visitor(web.address)
        visitor.sign_in("dr.osei", PASSWORD)
        (person,) = visitor.find(nhs_number=JOAN_NUMBER)
        page = visitor.open(person)
        path = page.address.removeprefix(web.address)
        assert page.status == 200

        way.cut()
        # The form needs no database; to send it does.
        signing_in = Visitor(web.address).post("/sign-in", form_on="/sign-in", username="dr.osei", password=PASSWORD)
        for told in (visitor.get("/"), visitor.get(path), signing_in):
            assert (told.status, told.headers["Retry-After"]) == (503, "5")
            assert "Try again shortly – Longview" in told.body
        part = visitor.get(f"{path}/part", **{"HX-Request": "true"})
        assert (part.status, part.headers["Retry-After"], part.headers["HX-Refresh"], part.body) == (503, "5", None, "")
        fhir = visitor.everything(person)
        assert (fhir.status, fhir.headers["Retry-After"]) == (503, "5")
        assert [issue["code"] for issue in fhir.json()["issue"]] == ["transient"]
        balancer = Visitor(web.address)
        assert balancer.get("/livez").status == 200
        ready = balancer.get("/readyz")
        assert (ready.status, json.loads(ready.body)) == (503, {"database": False, "redis": True, "disk": True})

        way.restore()
        assert visitor.get(f"{path}/part", **{"HX-Request": "true"}).status == 200
        assert visitor.get(path).status == 200
        assert balancer.get("/readyz").status == 200
    finally:
        processes.stop(children=[web.child])
