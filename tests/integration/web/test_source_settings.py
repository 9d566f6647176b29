"""Settings of a source that are entered in pages: nobody overwrites another's unseen, and nothing typed is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from aggregator.accounts.models import Organisation
from aggregator.accounts.roles import Role
from aggregator.cli.management.commands import change_source
from aggregator.health import tasks
from aggregator.health.models import SourceTrial
from aggregator.health.trials import run_trial
from aggregator.services.sources import registering
from aggregator.sources.models import Source
from aggregator.sources.operations import put_source
from tests.hospital import Hospital, running
from tests.integration.health.test_checking import WORKS
from tests.integration.web.test_source_pages import settings_of, surgery, user
from tests.world import HOSPITAL_ODS, NOWHERE, SURGERY_ODS, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def programme(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(tasks, "send_trial", lambda *, trial_id: None)
    make_world()
    return user("pro.admin", Role.PROGRAMME_ADMINISTRATOR)


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    with running(Hospital(answers=dict(WORKS))) as served:
        yield served


def form_of(client: Client, path: str) -> dict[str, str]:
    """Return what stands in the fields of a form."""
    page = client.get(path).content.decode()
    fields = dict(re.findall(r'<textarea [^>]*name="(options)"[^>]*>([^<]*)</textarea>', page))
    for tag in re.findall(r"<input\s[^>]*>", page):
        given = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
        if given.get("type") != "radio" or " checked" in tag:
            fields[given["name"]] = given.get("value", "")
    return {name: unescape(value) for name, value in fields.items()}


def tried(client: Client, path: str, entered: dict[str, str]) -> UUID:
    answer = client.post(path, entered)
    assert answer.status_code == 302, answer.content.decode()
    trial_id = SourceTrial.objects.latest("asked_at").id
    run_trial(trial_id=trial_id, clock=timezone.now)
    return trial_id


def saved(client: Client, trial_id: UUID) -> int:
    return client.post(f"/sources/trials/{trial_id}/save").status_code


def test_of_two_who_change_a_source_the_second_is_told_and_overwrites_nothing(
    programme: Client, hospital: Hospital
) -> None:
    other = user("pro.other", Role.PROGRAMME_ADMINISTRATOR)
    path = f"/sources/{surgery().id}/change"
    first, second = form_of(programme, path), form_of(other, path)
    of_first = tried(programme, path, {**first, "base_url": hospital.address, "rank": "7"})
    of_second = tried(other, path, {**second, "base_url": hospital.address, "time_limit_s": "4"})
    assert saved(programme, of_first) == 302
    assert saved(other, of_second) == 409
    assert (surgery().rank, surgery().time_limit_s) == (7, 2.0)
    part = other.get(f"/sources/trials/{of_second}/part").content.decode()
    assert "Save this source" not in part
    again = other.post(path, {**second, "base_url": hospital.address, "time_limit_s": "4"})
    assert again.status_code == 400
    assert "Somebody has changed this source since" in again.content.decode()
    assert 'value="4"' in again.content.decode()


def test_a_change_that_was_saved_is_not_saved_again_over_a_later_one(programme: Client, hospital: Hospital) -> None:
    path = f"/sources/{surgery().id}/change"
    entered = {**form_of(programme, path), "base_url": hospital.address, "rank": "7"}
    trial_id = tried(programme, path, entered)
    assert saved(programme, trial_id) == 302
    page = programme.get(f"/sources/trials/{trial_id}").content.decode()
    assert "These settings are in use" in page
    assert "not in use" not in page
    assert "Save this source" not in page
    call_command("change_source", "the-surgery", "--rank", "9", "--no-check")
    assert saved(programme, trial_id) == 409
    assert surgery().rank == 9


def test_a_pause_is_no_change_of_the_settings(programme: Client, hospital: Hospital) -> None:
    path = f"/sources/{surgery().id}/change"
    trial_id = tried(programme, path, {**form_of(programme, path), "base_url": hospital.address})
    programme.post(f"/sources/{surgery().id}/pause", {"reason": "Their disk."})
    assert saved(programme, trial_id) == 302
    assert not surgery().enabled


def test_adding_a_source_changes_none_that_there_is(programme: Client, hospital: Hospital) -> None:
    entered = settings_of(hospital.address, slug="the-surgery")
    answer = programme.post("/sources/add", entered)
    assert answer.status_code == 400
    assert "There is a source of this short name" in answer.content.decode()
    assert not SourceTrial.objects.exists()
    in_two_tabs = [tried(programme, "/sources/add", settings_of(hospital.address, rank=rank)) for rank in ("1", "2")]
    assert [saved(programme, trial_id) for trial_id in in_two_tabs] == [302, 409]
    assert Source.objects.get(slug="royal").rank == 1


def test_one_that_is_added_at_the_same_moment_is_not_overwritten(
    programme: Client, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial_id = tried(programme, "/sources/add", settings_of(hospital.address))
    lock = registering.lock_source

    def locked(*, slug: str) -> Source | None:
        found = lock(slug=slug)
        kept = surgery()
        put_source(slug=slug, name="Another", organisation=kept.organisation, kind="fhir_r4", base_url=NOWHERE, rank=3)
        return found

    monkeypatch.setattr(registering, "lock_source", locked)
    assert saved(programme, trial_id) == 409


def test_a_command_overwrites_nothing_that_was_changed_while_it_asked_the_source(
    programme: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = change_source.read_source

    def read_and_changed(**given: Any) -> Any:
        view = read(**given)
        Source.objects.update(freshness_s=60)
        return view

    monkeypatch.setattr(change_source, "read_source", read_and_changed)
    with pytest.raises(CommandError, match="Somebody has changed this source"):
        call_command("change_source", "the-surgery", "--rank", "9", "--no-check")
    assert (surgery().freshness_s, surgery().rank) == (60, 100)


def test_what_was_entered_is_there_again_after_a_trial_that_failed(programme: Client, hospital: Hospital) -> None:
    entered = settings_of(NOWHERE, options="search=post", requests_per_minute="30", organisation_name="Royal Trust")
    trial_id = tried(programme, "/sources/add", entered)
    part = programme.get(f"/sources/trials/{trial_id}/part").content.decode()
    assert f'href="/sources/trials/{trial_id}/change"' in part
    again = form_of(programme, f"/sources/trials/{trial_id}/change")
    assert {name: again[name] for name in entered} == entered
    another = tried(programme, "/sources/add", {**again, "base_url": hospital.address})
    assert saved(programme, another) == 302
    assert Source.objects.get(slug="royal").requests_per_minute == 30
    assert user("pro.other", Role.PROGRAMME_ADMINISTRATOR).get(f"/sources/trials/{trial_id}/change").status_code == 404


def test_what_was_entered_of_a_change_is_there_again(programme: Client, hospital: Hospital) -> None:
    path = f"/sources/{surgery().id}/change"
    trial_id = tried(programme, path, {**form_of(programme, path), "name": "The Old Surgery", "rank": "7"})
    page = programme.get(f"/sources/trials/{trial_id}/change").content.decode()
    assert f'action="{path}"' in page
    again = form_of(programme, f"/sources/trials/{trial_id}/change")
    assert (again["name"], again["rank"]) == ("The Old Surgery", "7")
    assert saved(programme, tried(programme, path, {**again, "base_url": hospital.address})) == 302
    assert surgery().name == "The Old Surgery"


def test_a_source_that_moves_to_another_organisation_does_not_rename_it(programme: Client, hospital: Hospital) -> None:
    Organisation.objects.get_or_create(ods_code=HOSPITAL_ODS, defaults={"name": "The Hospital"})
    names = dict(Organisation.objects.values_list("ods_code", "name"))
    assert names[HOSPITAL_ODS] != names[SURGERY_ODS]
    path = f"/sources/{surgery().id}/change"
    entered = {**form_of(programme, path), "base_url": hospital.address, "organisation_ods": HOSPITAL_ODS}
    assert saved(programme, tried(programme, path, entered)) == 302
    assert surgery().organisation.ods_code == HOSPITAL_ODS
    assert dict(Organisation.objects.values_list("ods_code", "name")) == names


def test_a_trial_that_is_too_old_offers_nothing_to_save(programme: Client, hospital: Hospital) -> None:
    programme.post("/sources/add", settings_of(hospital.address))
    trial_id = SourceTrial.objects.get().id
    run_trial(trial_id=trial_id, clock=lambda: timezone.now() - timedelta(minutes=31))
    part = programme.get(f"/sources/trials/{trial_id}/part").content.decode()
    assert "Save this source" not in part
    assert "the trial was too long ago" in part
