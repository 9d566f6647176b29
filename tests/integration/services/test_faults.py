"""What a person sees when a source, the worker or Redis is broken: the whole way, with a real worker and real sources.

Derek Holroyd's hospital is broken on demand; his practice is well, and must be shown whatever the hospital does.
"""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import redis
from django.db import connection, connections
from django.utils import timezone

from aggregator.accounts.models import User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import Requester
from aggregator.federation import tasks
from aggregator.federation.models import SourceOutcome
from aggregator.mpi.queries import people_with_number
from aggregator.services.open_record import open_record
from aggregator.services.view_record import RecordView, view_record
from aggregator.sources.models import Source
from connectors.contract.categories import RecordCategory
from connectors.contract.outcomes import Outcome
from launcher import children, processes
from launcher.region import Region
from tests.demonstration import CLINICIAN, PASSWORD, Stories, only_the_stories
from tests.door import Visitor
from tests.own_worker import own_worker
from tests.way import Way

pytestmark = pytest.mark.django_db(transaction=True)

HOSPITAL, PRACTICE = "thornmere-royal", "millbeck-surgery"
LIMIT_S = 6.0  # of the broken hospital, so that its silence is short


@pytest.fixture(scope="module")
def told(region: Region, tmp_path_factory: pytest.TempPathFactory) -> Stories:
    return only_the_stories(region=region, folder=tmp_path_factory.mktemp("stories"))


@pytest.fixture
def loaded(transactional_db: None, told: Stories, simulators: dict[str, str]) -> Stories:
    told.load(addresses=simulators)
    Source.objects.filter(slug=HOSPITAL).update(time_limit_s=LIMIT_S)
    return told


@pytest.fixture
def clinician(loaded: Stories) -> Requester:
    (found,) = requesters_for(user_id=User.objects.get(username=CLINICIAN).id, now=timezone.now())
    return found


@pytest.fixture
def derek(loaded: Stories) -> UUID:
    (person,) = people_with_number(nhs_number=loaded.by_slug["allergy-or-none"]["nhs_number"])
    return person.person_id


class Faults:
    """The hospital's board of faults."""

    def __init__(self, *, address: str, local_id: str) -> None:
        parts = urlsplit(address)
        self._root = f"{parts.scheme}://{parts.netloc}/_simulator"
        self._local_id = local_id

    def order(self, mode: str, **more: Any) -> None:
        body = json.dumps({"local_id": self._local_id, "mode": mode, **more}).encode()
        self._ask("faults", method="POST", data=body)

    def calls(self) -> int:
        counted: dict[str, Any] = json.loads(self._ask("calls"))
        return int(counted["by_local_id"].get(self._local_id, 0))

    def clear(self) -> None:
        self._ask("faults", method="DELETE")
        self._ask("calls", method="DELETE")

    def _ask(self, what: str, *, method: str = "GET", data: bytes | None = None) -> bytes:
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(f"{self._root}/{what}", method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            body: bytes = answer.read()
        return body


@pytest.fixture
def hospital(loaded: Stories, simulators: dict[str, str]) -> Iterator[Faults]:
    local_id = loaded.by_slug["allergy-or-none"]["sources"][HOSPITAL]
    faults = Faults(address=simulators[HOSPITAL], local_id=local_id)
    faults.clear()
    yield faults
    faults.clear()


def shown(requester: Requester, retrieval_id: UUID) -> RecordView:
    """Return the record once it is complete, which it must be at its deadline."""
    while True:
        view = view_record(requester=requester, retrieval_id=retrieval_id, now=timezone.now())
        if view.complete:
            return view
        assert view.shown_at <= view.deadline_at, "a source is awaited past the deadline"
        time.sleep(0.05)


def opened(requester: Requester, person_id: UUID) -> RecordView:
    return shown(requester, open_record(requester=requester, person_id=person_id, now=timezone.now()))


def outcomes(view: RecordView) -> dict[str, tuple[Outcome | None, str]]:
    names = {str(source.id): source.slug for source in Source.objects.all()}
    return {names[status.source_id]: (status.outcome, status.reason) for status in view.sources}


@pytest.mark.usefixtures("worker")
def test_a_source_that_is_down_for_a_moment_is_asked_again(clinician: Requester, derek: UUID, hospital: Faults) -> None:
    # Before the others: a worker has few retries to spend on a source that keeps failing.
    hospital.order("status-500", times=1)
    assert outcomes(opened(clinician, derek))[HOSPITAL] == (Outcome.ANSWERED, "")


FAULTS: list[tuple[str, dict[str, Any], Outcome, str]] = [
    ("slow", {"seconds": 9.5}, Outcome.TIMED_OUT, ""),
    ("hang", {}, Outcome.TIMED_OUT, ""),
    ("drip", {"seconds": 0.2}, Outcome.TIMED_OUT, ""),
    ("refuse", {}, Outcome.UNREACHABLE, "connection"),
    ("status-500", {}, Outcome.UNREACHABLE, "status"),
    ("html", {}, Outcome.MALFORMED, "not-fhir"),
    ("half-json", {}, Outcome.MALFORMED, "not-fhir"),
    ("cut-gzip", {}, Outcome.MALFORMED, "truncated"),
    ("huge", {}, Outcome.MALFORMED, "too-large"),
    ("unknown", {}, Outcome.UNKNOWN_PATIENT, ""),
    ("empty", {}, Outcome.EMPTY, ""),
]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("mode", "more", "outcome", "reason"), FAULTS)
def test_a_broken_source_is_named_and_the_other_is_shown(
    clinician: Requester,
    derek: UUID,
    hospital: Faults,
    mode: str,
    more: dict[str, Any],
    outcome: Outcome,
    reason: str,
) -> None:
    hospital.order(mode, **more)
    view = opened(clinician, derek)
    found = outcomes(view)
    assert found[PRACTICE] == (Outcome.ANSWERED, "")
    assert found[HOSPITAL][0] is outcome
    assert found[HOSPITAL][1] == reason
    assert view.record.section(RecordCategory.ALLERGIES).entries


@pytest.mark.usefixtures("worker")
def test_one_bad_entry_among_good_ones_is_set_aside_and_counted(
    clinician: Requester, derek: UUID, hospital: Faults
) -> None:
    whole = opened(clinician, derek)
    hospital.order("invalid-entry")
    broken = opened(clinician, derek)
    counted = {
        str(status.source_id): (status.item_count, sum(count for _, count in status.quarantined))
        for status in broken.sources
    }
    before = {status.source_id: status.item_count for status in whole.sources}
    royal = str(Source.objects.get(slug=HOSPITAL).id)
    assert counted[royal][1] == 1
    assert counted[royal][0] >= before[royal] - 1


@pytest.mark.usefixtures("worker")
def test_the_same_request_twice_at_once_asks_the_hospital_once(
    clinician: Requester, derek: UUID, hospital: Faults
) -> None:
    opened(clinician, derek)
    alone = hospital.calls()
    hospital.clear()
    hospital.order("slow", seconds=0.2)

    def ask(_: int) -> UUID:
        try:
            return open_record(requester=clinician, person_id=derek, now=timezone.now())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        retrievals = list(pool.map(ask, range(4)))
    views = [shown(clinician, retrieval) for retrieval in retrievals]
    assert {outcomes(view)[HOSPITAL] for view in views} == {(Outcome.ANSWERED, "")}
    assert len({len(view.record.sections) for view in views}) == 1
    assert SourceOutcome.objects.filter(joins__isnull=False).count() == 6
    assert hospital.calls() == alone


def test_a_record_opened_while_no_worker_runs_ends_at_its_deadline_by_our_fault(
    clinician: Requester, derek: UUID, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETRIEVAL_DEADLINE_S = 1.0
    monkeypatch.setattr(tasks, "send", lambda **_: None)  # taken by a worker that is gone
    view = opened(clinician, derek)
    assert set(outcomes(view).values()) == {(Outcome.FAILED, "not-started")}
    assert not view.record.sections
    again = open_record(requester=clinician, person_id=derek, now=timezone.now())
    closed = SourceOutcome.objects.exclude(retrieval_id=again).values_list("outcome", "reason")
    assert set(closed) == {("failed", "not-started")}


@pytest.mark.usefixtures("worker")
def test_an_answer_that_cannot_be_recorded_in_time_is_our_fault_and_not_its_source_s(
    clinician: Requester, derek: UUID, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETRIEVAL_DEADLINE_S = 3.0
    put_off: list[dict[str, Any]] = []
    with monkeypatch.context() as patched:
        patched.setattr(tasks, "send", lambda **values: put_off.append(values))
        retrieval = open_record(requester=clinician, person_id=derek, now=timezone.now())
    holder = connection.copy()
    with closing(holder), holder.cursor() as cursor:
        holder.set_autocommit(False)
        cursor.execute("SELECT FROM source_outcome WHERE retrieval_id = %s FOR UPDATE", [retrieval])
        assert cursor.rowcount == 2  # nobody else can write these rows
        tasks.send(**put_off[0])
        told = outcomes(shown(clinician, retrieval))
    assert set(told.values()) == {(Outcome.FAILED, "not-recorded")}
    while SourceOutcome.objects.filter(outcome__isnull=True).exists():
        time.sleep(0.02)
    rows = SourceOutcome.objects.filter(retrieval_id=retrieval).values_list("outcome", "reason", "ended_at")
    assert {(outcome, reason) for outcome, reason, _ in rows} == {("failed", "not-recorded")}
    assert all(ended_at < put_off[0]["deadline_at"] for _, _, ended_at in rows)


@pytest.mark.usefixtures("worker")
def test_a_source_that_we_were_late_to_ask_and_that_runs_out_of_time_is_not_blamed(
    clinician: Requester, derek: UUID, hospital: Faults
) -> None:
    hospital.order("hang")
    Source.objects.filter(slug=HOSPITAL).update(time_limit_s=2.5)
    a_while_ago = timezone.now()
    time.sleep(0.8)  # in the queue until now
    view = shown(clinician, open_record(requester=clinician, person_id=derek, now=a_while_ago))
    assert outcomes(view) == {HOSPITAL: (Outcome.FAILED, "overload"), PRACTICE: (Outcome.ANSWERED, "")}


def test_a_worker_that_is_killed_leaves_time_outs_and_what_had_landed(
    clinician: Requester,
    derek: UUID,
    hospital: Faults,
    process_environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hospital.order("hang")
    with own_worker(environment=process_environment, logs=tmp_path, database=60, monkeypatch=monkeypatch) as child:
        retrieval = open_record(requester=clinician, person_id=derek, now=timezone.now())
        while not SourceOutcome.objects.filter(outcome="answered").exists():
            time.sleep(0.02)
        child.process.send_signal(signal.SIGKILL)
        view = shown(clinician, retrieval)
    assert outcomes(view)[PRACTICE] == (Outcome.ANSWERED, "")
    assert outcomes(view)[HOSPITAL][0] is Outcome.TIMED_OUT


def test_redis_lost_mid_request_is_said_and_nothing_hangs(
    loaded: Stories, hospital: Faults, process_environment: dict[str, str], tmp_path: Path
) -> None:
    hospital.order("hang")
    way = Way(url=process_environment["REDIS_URL"])
    through = way.url.rpartition("/")[0] + "/61"
    environment = {**process_environment, "REDIS_URL": through}
    web = children.start_web(environment=environment, logs=tmp_path)
    worker = children.start_worker(environment=environment, logs=tmp_path, name="severed")
    try:
        processes.wait_until(ready=lambda: web.answers("/readyz"), child=web.child, within_s=60)
        with redis.Redis.from_url(through) as client:
            ready = lambda: children.worker_is_ready(client=client, child=worker)  # noqa: E731
            processes.wait_until(ready=ready, child=worker, within_s=60)
        visitor = Visitor(web.address)
        visitor.sign_in(CLINICIAN, PASSWORD)
        (person,) = visitor.find(nhs_number=loaded.by_slug["allergy-or-none"]["nhs_number"])
        page = visitor.open(person)
        while not SourceOutcome.objects.filter(outcome="answered").exists():
            time.sleep(0.02)
        way.cut()

        # What had been answered is out of reach: that is said, and never read as empty.
        path = page.address.removeprefix(web.address)
        began = time.monotonic()
        broken = visitor.get(path)
        assert broken.status == 200
        assert "Fault on our side: the answer is no longer held; ask again" in broken.body
        assert "Allergies unavailable" in broken.body
        time.sleep(max(0.0, LIMIT_S + 0.5 - (time.monotonic() - began)))
        said = visitor.get(path).body
        assert "Did not answer in time" in said or "we were too busy" in said  # as the machine may well be

        # And a new asking cannot start: that is said at once, on an ordinary page.
        began = time.monotonic()
        refused = visitor.open(person)
        assert refused.status == 200
        assert "0 of 2 sources have answered" in refused.body
        assert "Fault on our side: the request could not be started" in refused.body
        assert time.monotonic() - began < 8
        assert visitor.everything(person).status == 200
    finally:
        way.cut()
        processes.stop(children=[worker, web.child], timeout_s=5)
