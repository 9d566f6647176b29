"""A record that is opened again shows what is fresh, says how old it is, and may be asked for again."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.audit.models import AuditEvent
from aggregator.federation import queries
from aggregator.federation.connections import client_for_loop
from aggregator.federation.models import Retrieval, SourceOutcome
from aggregator.record.completeness.words import in_words, summary_line
from aggregator.services.follow_record import wait_until_done
from aggregator.services.load_identities import load_identities
from aggregator.services.open_record import open_record
from aggregator.services.record_opt_out import record_opt_out
from aggregator.services.view_record import RecordView, view_record
from aggregator.sources.models import Source
from connectors.contract.outcomes import Outcome
from tests.factories import condition
from tests.one_hospital import Hospital, add_clinic, hospital, opened, run, world
from tests.world import IDENTITIES, SOURCE_SLUG, World, signed_in_client

__all__ = ["hospital", "world"]
pytestmark = pytest.mark.django_db(transaction=True)

KEPT = re.compile(
    r"held answer, as of \d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d, less than a minute before this record was opened"
)


@pytest.fixture(autouse=True)
def fresh(world: World) -> None:
    Source.objects.update(freshness_s=300)


def last_open() -> dict[str, Any]:
    detail = AuditEvent.objects.filter(action="open-record").latest("seq").detail
    assert isinstance(detail, dict)
    return detail


def asked_anew(world: World, **asking: Any) -> RecordView:
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now(), **asking)
    return run(world, retrieval_id)


def test_a_record_that_is_opened_again_shows_the_same_with_its_age_and_no_source_is_asked(
    world: World, hospital: Hospital
) -> None:
    first = opened(world)
    hospital.patients.clear()
    second = opened(world)
    (before,), (status,) = first.sources, second.sources
    assert second.record.entries.keys() == first.record.entries.keys() != set()
    assert status.answered_at == before.answered_at
    assert before.kept_for_s is None
    assert status.kept_for_s is not None
    assert 0 <= status.kept_for_s < 60
    assert KEPT.search(in_words(status=status))
    assert not KEPT.search(in_words(status=before))
    assert "1 answer was held already, as of" in summary_line(statuses=second.sources)


def test_the_audit_says_whose_answers_were_used_again_and_shown(world: World, hospital: Hospital) -> None:
    source_id = str(Source.objects.get().id)
    opened(world)
    assert last_open()["kept"] == []
    view = opened(world)
    assert last_open()["kept"] == [source_id]
    shown = AuditEvent.objects.filter(action="view-record").latest("seq").detail
    assert view.sources[0].answered_at is not None
    assert shown["kept"] == {source_id: view.sources[0].answered_at.isoformat()}


def test_to_ask_again_asks(world: World, hospital: Hospital) -> None:
    opened(world)
    hospital.beside.append(condition(id="c1", subject={"reference": "Patient/1"}))
    assert asked_anew(world, max_age_s=0).sources[0].kept_for_s is None
    assert last_open()["max_age_s"] == 0
    assert opened(world).sources[0].kept_for_s is not None


def test_to_ask_one_source_again_uses_what_is_fresh_of_the_others(world: World, hospital: Hospital) -> None:
    add_clinic(hospital.base)
    load_identities(requester=operator(), source_slug="clinic", lines=IDENTITIES.splitlines(), now=timezone.now())
    Source.objects.update(freshness_s=300)
    opened(world)
    surgery = Source.objects.get(slug=SOURCE_SLUG).id
    view = asked_anew(world, anew=[surgery])
    assert {status.name: status.kept_for_s is None for status in view.sources} == {
        "The Surgery": True,
        "The Clinic": False,
    }
    assert last_open()["anew"] == [str(surgery)]


def test_what_is_withheld_now_is_withheld_of_a_kept_answer_too(world: World, hospital: Hospital) -> None:
    opened(world)
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    assert SourceOutcome.objects.get(retrieval_id=retrieval_id).joins is not None
    Source.objects.update(discloses="sexual-health")
    view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    assert (view.sources, view.record.entries, view.withheld) == ((), {}, True)


def test_whoever_may_not_open_the_record_gets_nothing_by_an_answer_that_is_held(
    world: World, hospital: Hospital
) -> None:
    opened(world)
    record_opt_out(
        requester=world.administrator, person_id=world.joan, opted_out=True, note="By letter.", now=timezone.now()
    )
    answer = signed_in_client("dr.osei").post(f"/people/{world.joan}/record")
    assert answer.status_code == 403
    assert Retrieval.objects.count() == 1


def test_a_kept_answer_is_read_under_the_links_of_now(world: World, hospital: Hospital) -> None:
    opened(world)
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    moved = IDENTITIES.replace("Ferris,Joan,1951-05-04,female", "Okoro,Ben,1970-03-02,male")
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=moved.splitlines(), now=timezone.now())
    view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    again = opened(world)
    assert again.sources[0].outcome is Outcome.NOT_ASKED
    assert view.sources[0].outcome is not None


def test_only_an_answer_of_which_nothing_was_set_aside_is_used_again(world: World, hospital: Hospital) -> None:
    stranger = condition(id="c9", subject={"reference": "Patient/somebody-else"})
    hospital.beside.append(stranger)
    view = opened(world)
    assert view.sources[0].quarantined
    assert opened(world).sources[0].kept_for_s is None


def test_an_answer_that_is_lost_is_asked_for_again(world: World, hospital: Hospital) -> None:
    opened(world)
    client = queries._client()
    client.delete(*client.keys("held:*"))
    view = opened(world)
    assert (view.sources[0].outcome, view.sources[0].kept_for_s) == (Outcome.ANSWERED, None)


# The page


def open_page(client: Client, world: World, **form: str) -> str:
    """Post the form that opens the record, have it run, and return the page that follows."""
    answer = client.post(f"/people/{world.joan}/record", form)
    assert answer.status_code == 302
    retrieval = Retrieval.objects.latest("created_at")
    run(world, retrieval.id)
    page = client.get(answer.headers["Location"])
    assert page.status_code == 200
    return page.content.decode()


def test_the_page_says_how_old_an_answer_is_and_has_it_asked_again_for_one_source_or_all(
    world: World, hospital: Hospital
) -> None:
    client, source_id = signed_in_client("dr.osei"), Source.objects.get().id
    assert not KEPT.search(open_page(client, world))
    page = open_page(client, world)
    assert KEPT.search(page)
    assert "1 answer was held already, as of" in page
    assert "but for those whose answer was held already" in page
    for again in (str(source_id), "all"):
        form = re.search(
            rf'<form method="post" action="/people/{world.joan}/record">[^<]*<input[^>]*csrf[^>]*>'
            rf'<input type="hidden" name="again" value="{again}">',
            page,
        )
        assert form, again
        assert not KEPT.search(open_page(client, world, again=again))
        assert KEPT.search(open_page(client, world))


def test_a_form_that_names_no_source_asks_nobody(world: World, hospital: Hospital) -> None:
    answer = signed_in_client("dr.osei").post(f"/people/{world.joan}/record", {"again": "the-surgery"})
    assert answer.status_code == 404
    assert not Retrieval.objects.exists()


# The FHIR door


def everything(client: Client, world: World, **headers: str) -> str:
    """Ask for everything, have it run, and return what is said of the surgery."""
    answer = client.get(f"/fhir/Patient/{world.joan}/$everything", headers={"Prefer": "respond-async", **headers})
    assert answer.status_code == 202
    run(world, Retrieval.objects.latest("created_at").id)
    found = client.get(answer.headers["Content-Location"])
    assert found.status_code == 200
    (outcome,) = [entry["resource"] for entry in found.json()["entry"] if entry["search"]["mode"] == "outcome"]
    (issue,) = outcome["issue"]
    return str(issue["diagnostics"])


def test_the_fhir_door_says_how_old_an_answer_is_and_takes_no_cache_as_to_ask_again(
    world: World, hospital: Hospital
) -> None:
    client = signed_in_client("dr.osei")
    assert not KEPT.search(everything(client, world))
    assert KEPT.search(everything(client, world))
    assert KEPT.search(everything(client, world, **{"Cache-Control": "max-age=120"}))
    for stated in ("no-cache", "max-age=0", "max-age=never"):
        assert not KEPT.search(everything(client, world, **{"Cache-Control": stated}))
    SourceOutcome.objects.filter(joins=None).update(asked_at=timezone.now() - timedelta(seconds=90))
    assert not KEPT.search(everything(client, world, **{"Cache-Control": "max-age=60"}))


def test_a_record_of_held_answers_goes_by_no_queue_and_whoever_waits_for_it_need_not(
    world: World, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(world)
    sent: list[object] = []
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **values: sent.append(values))
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    assert not sent

    async def wait() -> None:
        client = client_for_loop(waits_for_events=True)
        async with asyncio.timeout(2):
            await wait_until_done(retrieval_id=retrieval_id, wait_s=30, client=client)
        await client.aclose()

    asyncio.run(wait())
