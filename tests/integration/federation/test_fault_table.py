"""What becomes of every fault of a connection: each kind of source x each fault x each request that meets it.

One retrieval asks a source for each fault at once, each on a way of its own, and two sources that are well. So each
cell also shows that a source which fails costs the others nothing, however many do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Role
from aggregator.federation.connections import client_for_threads
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.federation.guard import BreakerState, SourceGuard, breakers_of
from aggregator.federation.models import SourceOutcome
from aggregator.mpi.queries import people_with_number
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.load_identities import load_identities
from aggregator.services.open_record import open_record
from aggregator.services.relationships.load_relationships import load_relationships
from aggregator.sources import catalogue
from aggregator.sources.models import Source
from connectors.contract.outcomes import Outcome, Reason
from simulator.connection_faults import ConnectionFault, Kind
from simulator.organisations import FHIR_R4, GP_CONNECT
from tests.broken_ways import (
    HOSPITAL,
    HOSPITAL_WITH_TOKENS,
    PRACTICE,
    STORY,
    BrokenWays,
    broken_ways,
    lines_of,
    options_of,
    settings_of,
)
from tests.unit.simulator.served import story
from tests.world import PASSWORD, requester_named

pytestmark = pytest.mark.django_db(transaction=True)

# The time of a source that will use all of it, and of one that has answered or failed long before it is over. Twenty
# sources at once on a busy machine take some seconds for their first pages.
SHORT_S, LONG_S = 6.0, 8.0
USE_ALL = ("latency-too-long", "hang", "stall", "drip")
ODS, WELL_PRACTICE, WELL_HOSPITAL = "X99102", "well-practice", "well-hospital"
# A rest outlasts one asking, so that the next finds the source at rest.
FAILURES, REST_S = 2, SHORT_S + 3.0

# What is tried. A delay that is shorter than the source's time, and one that is longer.
FAULTS: dict[str, tuple[Kind, float]] = {
    "latency": (Kind.LATENCY, 0.1),
    "latency-too-long": (Kind.LATENCY, 60.0),
    "jitter": (Kind.JITTER, 0.1),
    **{str(kind): (kind, 1.0) for kind in Kind if kind not in (Kind.LATENCY, Kind.JITTER)},
}

Ended = tuple[Outcome | None, Reason | None]
ANSWERED: Ended = (Outcome.ANSWERED, None)
TIMED_OUT: Ended = (Outcome.TIMED_OUT, None)
IN_PART: Ended = (Outcome.ANSWERED_IN_PART, Reason.PAGES)
CUT_SHORT = ("reset-in-body", "truncated", "truncated-chunks")


def ended(reason: Reason) -> Ended:
    return (reason.outcome, reason)


# One request, and nothing came before it.
ONLY_REQUEST = {
    "latency": ANSWERED,
    "latency-too-long": TIMED_OUT,
    "jitter": ANSWERED,
    "hang": TIMED_OUT,
    "stall": TIMED_OUT,
    "drip": TIMED_OUT,
    "reset": ended(Reason.CONNECTION),
    "reset-in-head": ended(Reason.CONNECTION),
    "reset-in-body": ended(Reason.TRUNCATED),
    "truncated": ended(Reason.TRUNCATED),
    "truncated-chunks": ended(Reason.TRUNCATED),
    "truncated-unsaid": ended(Reason.NOT_FHIR),
    "wrong-bytes": ended(Reason.NOT_FHIR),
    "bad-status-line": ended(Reason.BAD_HTTP),
    "false-encoding": ended(Reason.TRUNCATED),
    "refused": ended(Reason.CONNECTION),
    "wrong-certificate": ended(Reason.TLS),
    "handshake-aborted": ended(Reason.CONNECTION),
}
# A page that is lost costs itself alone; one whose content is wrong makes all of the answer doubtful.
LATER_PAGE = {
    name: IN_PART if ending in (TIMED_OUT, ended(Reason.CONNECTION), ended(Reason.TLS)) or name in CUT_SHORT else ending
    for name, ending in ONLY_REQUEST.items()
}
TABLE: dict[tuple[str, str], dict[str, Ended] | str] = {
    (FHIR_R4, "first page"): ONLY_REQUEST,
    (FHIR_R4, "later page"): LATER_PAGE,
    (FHIR_R4, "token request"): {
        **ONLY_REQUEST,
        "truncated-unsaid": ended(Reason.TOKEN),
        "wrong-bytes": ended(Reason.TOKEN),
    },
    (GP_CONNECT, "first page"): ONLY_REQUEST,
    (GP_CONNECT, "later page"): "a practice answers with one Bundle, without pages",
    (GP_CONNECT, "token request"): "we make the token ourselves, and ask nobody for it",
}


RESTS = (Outcome.TIMED_OUT, Outcome.UNREACHABLE)
FIRST_FAILS = {name: outcome in RESTS for name, (outcome, _) in ONLY_REQUEST.items()}
PROJECT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A request of a source: what its path fits and, for faults of connecting, that of the request before it.

    `before_again`: the same for whoever asks a second time, and remembers what the first asked for; "" where no other
    request comes before it.
    """

    source: str
    path: str
    before: str
    before_again: str


PLACES = {
    (FHIR_R4, "first page"): Place(
        source=HOSPITAL, path=r"/\$everything", before=r"/Patient\?", before_again=r"/Patient\?"
    ),
    (FHIR_R4, "later page"): Place(
        source=HOSPITAL, path="_getpages=", before=r"/\$everything", before_again=r"/\$everything"
    ),
    (FHIR_R4, "token request"): Place(
        source=HOSPITAL_WITH_TOKENS, path="^/token$", before="smart-configuration$", before_again=""
    ),
    (GP_CONNECT, "first page"): Place(source=PRACTICE, path="getstructuredrecord$", before="", before_again=""),
}


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenWays]:
    with broken_ways(folder=tmp_path_factory.mktemp("ways")) as running:
        yield running


@pytest.fixture(autouse=True)
def ready(ways: BrokenWays, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.SOURCE_SECRETS_FOLDER = str(ways.secrets)
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    # Twenty sources at once on a busy machine make this process late. Whose fault that is, other tests show.
    monkeypatch.setattr("aggregator.federation.endings.BUSY_S", SHORT_S)
    for kind in (FHIR_R4, GP_CONNECT):
        catalogue.connector_for(kind=kind).warm_up()
    running = engine()
    monkeypatch.setattr(
        running, "guard", SourceGuard(client=running.redis, most_at_once=100, failures=FAILURES, rest_s=REST_S)
    )
    yield
    ways.close_all()
    close_engine()


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Somebody who may ask, and about whom."""

    clinician: Requester
    person: UUID

    def ask(self) -> dict[str, Ended]:
        """Ask every source once; return how each ended, which each must do within its own time."""
        began_at = timezone.now()
        retrieval_id = open_record(requester=self.clinician, person_id=self.person, now=began_at)
        engine().start(run_retrieval(retrieval_id=retrieval_id, engine=engine()), within_s=10).result(timeout=15)
        names = dict(Source.objects.values_list("id", "slug"))
        rows = SourceOutcome.objects.filter(retrieval_id=retrieval_id)
        late = [names[row.source_id] for row in rows if row.ended_at is None or row.ended_at > row.deadline_at]
        assert late == []
        return {
            names[row.source_id]: (Outcome(row.outcome), Reason(row.reason) if row.reason else None) for row in rows
        }

    def breakers(self) -> dict[str, BreakerState]:
        """Return whether each source is asked."""
        names = dict(Source.objects.values_list("id", "slug"))
        known = breakers_of(client=client_for_threads(), source_ids=list(names), now=timezone.now())
        return {slug: known[source_id].state for source_id, slug in names.items()}


def asking(ways: BrokenWays, *, source: str) -> Asking:
    """Register a source for each fault, and two that stay well; return who may ask them.

    The two have been asked by then, so that what a worker does once is done.
    """
    now = timezone.now()
    for slug, server in {WELL_PRACTICE: PRACTICE, WELL_HOSPITAL: HOSPITAL}.items():
        register(ways, slug=slug, source=server)
    relationships = lines_of(PRACTICE, "relationships.csv")
    load_relationships(requester=operator(), source_slug=WELL_PRACTICE, lines=relationships, now=now)
    account = NewUser(
        username="dr.osei", password=PASSWORD, family="Osei", given="Ama", organisation_ods=ODS, role=Role.CLINICIAN
    )
    add_user(requester=operator(), user=account, now=now)
    (person,) = people_with_number(nhs_number=story(STORY)["nhs_number"])
    asked = Asking(clinician=requester_named("dr.osei"), person=person.person_id)
    asked.ask()
    for slug in FAULTS:
        register(ways, slug=slug, source=source)
    return asked


def register(ways: BrokenWays, *, slug: str, source: str) -> None:
    settings = settings_of(source)
    new = NewSource(
        slug=slug,
        name=slug,
        kind=settings.kind,
        base_url=ways.add(name=slug, source=source),
        organisation_ods=ODS,
        organisation_name="The Region",
        identifier_system=settings.identifier_system,
        time_limit_s=SHORT_S if slug in USE_ALL else LONG_S,
        freshness_s=0,
        options=options_of(source),
    )
    add_source(requester=operator(), source=new, check=False)
    identities = lines_of(source, "identities.csv")
    load_identities(requester=operator(), source_slug=slug, lines=identities, now=timezone.now())


def faults_at(place: Place, *, again: bool = False) -> dict[str, ConnectionFault | None]:
    before = place.before_again if again else place.before
    return {
        name: ConnectionFault(kind=kind, path=before if kind.is_of_connecting else place.path, seconds=seconds)
        for name, (kind, seconds) in FAULTS.items()
    }


def test_the_table_says_of_every_kind_and_request_what_becomes_of_every_fault() -> None:
    kinds = (FHIR_R4, GP_CONNECT)
    assert set(TABLE) == {(kind, which) for kind in kinds for which in ("first page", "later page", "token request")}
    assert all(set(endings) == set(FAULTS) for endings in TABLE.values() if not isinstance(endings, str))
    assert {kind for kind, _ in FAULTS.values()} == set(Kind)
    assert set(PLACES) == {place for place, endings in TABLE.items() if not isinstance(endings, str)}


def words(ending: Ended) -> str:
    outcome, reason = ending
    return f"{outcome}: {reason}" if reason else str(outcome)


def test_the_documents_have_the_same_table() -> None:
    page = (PROJECT / "docs" / "outcomes.md").read_text(encoding="utf-8")
    part = page.partition("## What becomes of a fault of the connection")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"]
    shown = {row[0]: tuple(row[1:]) for row in rows[2:]}
    tables = [table for table in TABLE.values() if not isinstance(table, str)]
    assert shown == {
        name: (*(words(table[name]) for table in tables), "yes" if FIRST_FAILS[name] else "no") for name in FAULTS
    }


@pytest.mark.parametrize(("kind", "which"), PLACES)
def test_every_fault_is_named_costs_no_other_source_and_has_a_failing_one_rest_until_it_heals(
    ways: BrokenWays, kind: str, which: str
) -> None:
    place, table = PLACES[kind, which], TABLE[kind, which]
    assert not isinstance(table, str)
    well = {WELL_PRACTICE: ANSWERED, WELL_HOSPITAL: ANSWERED}
    expected = {**table, **well}
    asked = asking(ways, source=place.source)
    for at in range(FAILURES):
        ways.put(faults_at(place, again=at > 0))
        assert asked.ask() == expected
    failed_by = time.monotonic()
    failing = {name for name, (outcome, _) in table.items() if outcome in RESTS}
    assert {name for name, state in asked.breakers().items() if state is BreakerState.OPEN} == failing
    ways.put(faults_at(place, again=True))
    assert asked.ask() == {**expected, **dict.fromkeys(failing, ended(Reason.RESTING))}
    ways.put(dict.fromkeys(FAULTS))
    time.sleep(max(0.0, failed_by + REST_S - time.monotonic()) if failing else 0.0)
    assert asked.ask() == dict.fromkeys(expected, ANSWERED)
    assert set(asked.breakers().values()) == {BreakerState.CLOSED}
