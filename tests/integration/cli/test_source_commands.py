"""The commands about the health of sources, and the same over the service API."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from aggregator.accounts.models import Organisation
from aggregator.health.models import ReportToken, SourceHealth, SourcePause
from aggregator.sources.models import Source
from tests.hospital import Hospital, running
from tests.integration.health.test_checking import WORKS, check
from tests.world import NOWHERE, SURGERY_ODS, make_world, signed_in_client

pytestmark = pytest.mark.django_db


def said(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue().strip()


def test_sources_are_listed_paused_and_asked_again() -> None:
    make_world()
    check(times=3)
    line = said("check_sources")
    assert line.startswith("the-surgery  down  ")
    assert line.endswith("our checks of it fail, three or more in a row")
    assert said("pause_source", "the-surgery", "--reason", "Move.") == "the-surgery is paused."
    assert said("check_sources").startswith("the-surgery  paused")
    with pytest.raises(CommandError, match="paused already"):
        said("pause_source", "the-surgery", "--reason", "Move.")
    assert said("pause_source", "the-surgery", "--reason", "Done.", "--resume") == "the-surgery is asked again."
    assert list(SourcePause.objects.order_by("id").values_list("is_resumed", "reason", "by")) == [
        (False, "Move.", None),
        (True, "Done.", None),
    ]
    before = SourceHealth.objects.get().next_check_at
    said("check_sources", "the-surgery")
    assert SourceHealth.objects.get().next_check_at > before
    with pytest.raises(CommandError, match="no source"):
        said("check_sources", "nobody")


def test_settings_are_changed_once_the_source_answers_so() -> None:
    make_world()
    with running(Hospital(answers=dict(WORKS))) as hospital:
        assert said("change_source", "the-surgery", "--base-url", hospital.address, "--rank", "7").startswith(
            "the-surgery is changed: FHIR 4.0.1"
        )
        changed = Source.objects.get()
        assert (changed.base_url, changed.rank, changed.name) == (hospital.address, 7, "The Surgery")
    with pytest.raises(CommandError, match="Nothing was saved"):
        said("change_source", "the-surgery", "--base-url", NOWHERE)
    said("change_source", "the-surgery", "--base-url", NOWHERE, "--option", "auth=none", "--no-check")
    assert Source.objects.get().options == {"auth": "none"}
    said("change_source", "the-surgery", "--option", "auth=", "--no-check")
    assert Source.objects.get().options == {}


def test_a_token_is_made_and_ended() -> None:
    make_world()
    assert len(said("report_token", "the-surgery")) > 80
    assert ReportToken.objects.count() == 1
    assert said("report_token", "the-surgery", "--end", "Retired.") == "the-surgery can report no more."
    with pytest.raises(CommandError, match="has no token"):
        said("report_token", "the-surgery", "--end", "Retired.")


def test_the_service_api_does_the_same() -> None:
    make_world()
    check(times=3)
    client = signed_in_client("ms.lane")
    (line,) = client.get("/api/sources").json()
    assert (line["slug"], line["paused"], line["health"]["state"]) == ("the-surgery", False, "down")
    assert line["health"]["reasons"] == ["checks-fail"]
    path = f"/api/sources/{line['id']}"
    json = {"content_type": "application/json"}
    assert client.post(f"{path}/pause", {"reason": "Move."}, **json).status_code == 204
    assert client.post(f"{path}/pause", {"reason": "Move."}, **json).status_code == 409
    assert client.post(f"{path}/pause", {}, **json).status_code == 400
    one = client.get(path).json()
    assert (one["paused"], one["linked"], one["pauses"][0]["reason"]) == (True, 3, "Move.")
    assert [change["state"] for change in one["history"]] == ["unknown", "down"]
    assert client.post(f"{path}/resume", {"reason": "Done."}, **json).status_code == 204
    started = client.post(f"{path}/trial")
    assert started.status_code == 202
    trial = client.get(f"/api/sources/trials/{started.json()['trial']}").json()
    assert (trial["good"], trial["steps"]) == (None, [])
    assert client.get(f"/api/sources/{uuid4()}").status_code == 404
    clinician = signed_in_client("dr.osei")
    assert clinician.get("/api/sources").status_code == 403
    assert clinician.post(f"{path}/pause", {"reason": "x"}, **json).status_code == 403


def test_a_reason_that_cannot_be_kept_is_refused_in_words() -> None:
    make_world()
    for reason in ("Their \udcff disk", "Their \0 disk", " ", "x" * 100_000):
        with pytest.raises(CommandError, match="Enter why the source is paused"):
            said("pause_source", "the-surgery", "--reason", reason)
    client = signed_in_client("ms.lane")
    path = f"/api/sources/{Source.objects.get().id}/pause"
    for body in ('{"reason": "\\ud800"}', '{"reason": "\\u0000"}', '{"reason": "%s"}' % ("x" * 100_000)):
        assert client.post(path, body, content_type="application/json").status_code == 400, body[:30]
    assert Source.objects.get().enabled


def test_a_name_cannot_be_taken_away() -> None:
    make_world()
    with pytest.raises(CommandError, match="Enter the name"):
        said("change_source", "the-surgery", "--name", "", "--no-check")
    assert Source.objects.get().name == "The Surgery"


def test_the_list_says_the_time_that_the_pages_say(settings: Any) -> None:
    make_world()
    check(times=3)
    SourceHealth.objects.update(since=datetime(2026, 7, 1, 11, 30, tzinfo=UTC))
    assert settings.TIME_ZONE == "Europe/London"
    assert "2026-07-01 12:30" in said("check_sources")


def test_the_code_of_an_organisation_is_one_code_however_it_is_written() -> None:
    make_world()
    before = Organisation.objects.count()
    code = SURGERY_ODS.lower()
    assert code != SURGERY_ODS
    said("add_source", "annexe", NOWHERE, "--kind", "fhir_r4", "--ods", f" {code} ", "--no-check")
    assert Organisation.objects.count() == before
    assert Source.objects.get(slug="annexe").organisation.ods_code == SURGERY_ODS
