"""Sources over the service API: added and changed once they were tried, by those who may, as in pages and commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from aggregator.accounts.models import Organisation
from aggregator.accounts.roles import Role
from aggregator.audit.models import AuditEvent
from aggregator.health import tasks
from aggregator.health.models import ReportToken, SourceHealth, SourceTrial
from aggregator.health.trials import run_trial
from aggregator.sources.models import Source
from tests.hospital import Hospital, running
from tests.integration.health.test_checking import FAILS, WORKS
from tests.integration.web.test_source_pages import settings_of, surgery, user
from tests.world import HOSPITAL_ODS, NOWHERE, SURGERY_ODS, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """What is sent to the queue; nothing runs in the web process."""
    ids: list[UUID] = []
    monkeypatch.setattr(tasks, "send_trial", lambda *, trial_id: ids.append(trial_id))
    return ids


@pytest.fixture
def programme() -> Client:
    make_world()
    return user("pro.admin", Role.PROGRAMME_ADMINISTRATOR)


@pytest.fixture
def theirs(programme: Client) -> Client:
    """An operator of sources of the hospital, which has no source yet."""
    return user("op.far", Role.SOURCE_OPERATOR, HOSPITAL_ODS)


@pytest.fixture
def hospital() -> Iterator[Hospital]:
    with running(Hospital(answers=dict(WORKS))) as served:
        yield served


def royal(address: str, **changes: object) -> dict[str, object]:
    new = {"slug": "royal", "name": "Royal Infirmary", "kind": "fhir_r4", "base_url": address}
    return {**new, "organisation": HOSPITAL_ODS, "time_limit_s": 2.5, "rank": 50, **changes}


def post(client: Client, path: str, body: object = None) -> Any:
    sent = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
    return client.post(f"/api/sources{path}", sent, content_type="application/json")


def tried(client: Client, path: str, body: object) -> str:
    """Have settings tried, and return the id of the trial, which the upkeep worker has made."""
    answer = post(client, path, body)
    assert answer.status_code == 202, answer.content
    trial_id = str(answer.json()["trial"])
    run_trial(trial_id=UUID(trial_id), clock=timezone.now)
    return trial_id


def saved(client: Client, trial_id: str) -> int:
    return int(post(client, f"/trials/{trial_id}/save").status_code)


def test_a_source_is_added_once_it_was_tried_well(
    programme: Client, hospital: Hospital, sent: list[UUID], django_capture_on_commit_callbacks: Any
) -> None:
    body: dict[str, object] = royal(
        hospital.address, options={"search": "post"}, requests_per_minute=30, discloses="mental-health"
    )
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(programme, "", body)
    assert (answer.status_code, hospital.asked) == (202, [])
    (trial_id,) = sent
    assert answer.json() == {"trial": str(trial_id)}
    waits = programme.get(f"/api/sources/trials/{trial_id}").json()
    assert (waits["good"], waits["lost"], waits["can_be_saved"], waits["in_use"]) == (None, False, False, False)
    assert saved(programme, str(trial_id)) == 409
    run_trial(trial_id=trial_id, clock=timezone.now)
    went = programme.get(f"/api/sources/trials/{trial_id}").json()
    assert (went["good"], went["can_be_saved"], went["in_use"]) == (True, True, False)
    assert [step["state"] for step in went["steps"]] == ["done", "done", "not-needed", "not-needed", "done", "done"]
    assert not Source.objects.filter(slug="royal").exists()
    source_id = post(programme, f"/trials/{trial_id}/save").json()["id"]
    assert programme.get(f"/api/sources/trials/{trial_id}").json()["in_use"]
    source = programme.get(f"/api/sources/{source_id}").json()
    assert (source["slug"], source["organisation"], source["report_token_made_at"]) == ("royal", HOSPITAL_ODS, None)
    mark = source["settings"].pop("mark")
    assert source["settings"] == {
        "organisation_name": Organisation.objects.get(ods_code=HOSPITAL_ODS).name,
        "base_url": hospital.address,
        "identifier_system": "",
        "time_limit_s": 2.5,
        "requests_per_minute": 30,
        "freshness_s": 300,
        "rank": 50,
        "options": {"search": "post"},
        "holds": source["settings"]["holds"],
        "discloses": "mental-health",
    }
    assert len(mark) == 64
    done = AuditEvent.objects.filter(action__in=["try-new-source", "save-tried-source"]).order_by("seq")
    assert list(done.values_list("action", "outcome"))[-3:] == [
        ("try-new-source", "success"),
        ("save-tried-source", "failed"),
        ("save-tried-source", "success"),
    ]


def test_one_that_does_not_answer_is_not_saved(programme: Client, hospital: Hospital) -> None:
    hospital.answers = dict(FAILS)
    trial_id = tried(programme, "", royal(hospital.address))
    went = programme.get(f"/api/sources/trials/{trial_id}").json()
    assert (went["good"], went["can_be_saved"]) == (False, False)
    assert saved(programme, trial_id) == 409
    assert not Source.objects.filter(slug="royal").exists()


def test_a_trial_is_saved_by_whoever_asked_for_it_and_soon(programme: Client, hospital: Hospital) -> None:
    other = user("pro.other", Role.PROGRAMME_ADMINISTRATOR)
    trial_id = tried(programme, "", royal(hospital.address))
    assert not other.get(f"/api/sources/trials/{trial_id}").json()["can_be_saved"]
    assert saved(other, trial_id) == 404
    answer = post(programme, "", royal(hospital.address))
    old = answer.json()["trial"]
    run_trial(trial_id=UUID(old), clock=lambda: timezone.now() - timedelta(minutes=31))
    assert saved(programme, old) == 409
    assert saved(programme, trial_id) == 200
    assert saved(programme, str(uuid4())) == 404


def test_what_is_not_there_stays_when_a_source_is_changed(programme: Client, hospital: Hospital) -> None:
    Source.objects.update(requests_per_minute=30, rank=7, options={"auth": "none"})
    path = f"/{surgery().id}/change"
    trial_id = tried(programme, path, {"base_url": hospital.address, "time_limit_s": 4})
    assert surgery().base_url == NOWHERE
    assert saved(programme, trial_id) == 200
    source = surgery()
    assert (source.base_url, source.time_limit_s, source.requests_per_minute) == (hospital.address, 4.0, 30)
    assert (source.rank, source.options, source.name) == (7, {"auth": "none"}, "The Surgery")
    trial_id = tried(programme, path, {"requests_per_minute": None, "options": {}, "holds": ["problems"]})
    assert saved(programme, trial_id) == 200
    source = surgery()
    assert (source.requests_per_minute, source.options, source.holds) == (None, {}, ["problems"])


def test_of_two_who_change_a_source_the_second_is_told_and_overwrites_nothing(
    programme: Client, hospital: Hospital
) -> None:
    Source.objects.update(base_url=hospital.address)
    path = f"/{surgery().id}/change"
    mark = programme.get(f"/api/sources/{surgery().id}").json()["settings"]["mark"]
    first = tried(programme, path, {"rank": 7, "replaces": mark})
    second = tried(programme, path, {"rank": 9, "replaces": mark})
    assert saved(programme, first) == 200
    assert saved(programme, second) == 409
    again = post(programme, path, {"rank": 9, "replaces": mark})
    assert (again.status_code, again.json()["code"]) == (400, "changed-since")
    assert surgery().rank == 7
    of_nothing = post(programme, path, {"rank": 9, "replaces": ""})
    assert of_nothing.status_code == 400


def test_adding_changes_no_source_that_there_is(programme: Client, hospital: Hospital) -> None:
    answer = post(programme, "", royal(hospital.address, slug="the-surgery"))
    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"slug"})
    in_two_windows = [tried(programme, "", royal(hospital.address, rank=rank)) for rank in (1, 2)]
    assert [saved(programme, trial_id) for trial_id in in_two_windows] == [200, 409]
    assert Source.objects.get(slug="royal").rank == 1


def test_a_source_that_moves_to_another_organisation_does_not_rename_it(programme: Client, hospital: Hospital) -> None:
    Organisation.objects.get_or_create(ods_code=HOSPITAL_ODS, defaults={"name": "The Hospital"})
    names = dict(Organisation.objects.values_list("ods_code", "name"))
    body = {"base_url": hospital.address, "organisation": HOSPITAL_ODS.lower()}
    assert saved(programme, tried(programme, f"/{surgery().id}/change", body)) == 200
    assert surgery().organisation.ods_code == HOSPITAL_ODS
    assert dict(Organisation.objects.values_list("ods_code", "name")) == names


@pytest.mark.django_db(transaction=True)
def test_trials_leave_room_for_checks_and_alerts(programme: Client, sent: list[UUID]) -> None:
    """They run in the same worker, and one of a source that hangs takes long: nobody fills it with them."""
    path = f"/{surgery().id}/trial"
    trials = [post(programme, path).json()["trial"] for _ in range(2)]
    refused = post(programme, path)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    entered = programme.post(f"/sources/{surgery().id}/change", settings_of(NOWHERE))
    assert (entered.status_code, NOWHERE in entered.content.decode()) == (400, True)
    assert "You have 2 trials under way" in entered.content.decode()
    others = [user(f"pro.other{number}", Role.PROGRAMME_ADMINISTRATOR) for number in range(2)]
    answers: list[int] = []

    def ask(client: Client) -> None:
        answers.append(post(client, path).status_code)
        connection.close()

    askers = [Thread(target=ask, args=(client,)) for client in others * 2]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sorted(answers) == [202, 202, 503, 503]
    run_trial(trial_id=UUID(trials[0]), clock=timezone.now)
    assert post(programme, path).status_code == 202
    SourceTrial.objects.filter(ended_at=None).update(asked_at=timezone.now() - timedelta(minutes=2))
    assert post(programme, path).status_code == 202  # of those that nothing took up nothing will come
    assert len(sent) == 6


def test_one_that_is_paused_is_not_said_to_be_checked(programme: Client) -> None:
    assert post(programme, f"/{surgery().id}/pause", {"reason": "Move."}).status_code == 204
    refused = post(programme, f"/{surgery().id}/check")
    assert (refused.status_code, "paused" in refused.json()["detail"]) == (409, True)
    with pytest.raises(CommandError, match="paused"):
        call_command("check_sources", "the-surgery")


BAD: list[tuple[dict[str, object], str]] = [
    ({"slug": "Royal"}, "slug"),
    ({"slug": "x" * 61}, "slug"),
    ({"slug": "royal\u202e"}, "slug"),
    ({"slug": None}, "slug"),
    ({"name": ""}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "Royal\u202elamrofnI"}, "name"),
    ({"name": 7}, "name"),
    ({"kind": "dicom"}, ""),
    ({"base_url": "https://10.1.2.3/fhir"}, "base_url"),
    ({"base_url": "https://[::ffff:169.254.169.254]/fhir"}, "base_url"),
    ({"base_url": "https://user:word@royal.example/fhir"}, "base_url"),
    ({"base_url": "https://royal.example:99999/fhir"}, "base_url"),
    ({"base_url": "https://royal.example/fhir?a=b"}, "base_url"),
    ({"base_url": "file:///etc/passwd"}, "base_url"),
    ({"base_url": ["https://royal.example/fhir"]}, "base_url"),
    ({"organisation": "x" * 21}, "organisation"),
    ({"time_limit_s": "9"}, "time_limit_s"),
    ({"time_limit_s": True}, "time_limit_s"),
    ({"time_limit_s": 0}, "time_limit_s"),
    ({"time_limit_s": 61}, "time_limit_s"),
    ({"time_limit_s": 10**300}, ""),
    ({"time_limit_s": None}, "time_limit_s"),
    ({"requests_per_minute": 0}, "requests_per_minute"),
    ({"requests_per_minute": 1.5}, "requests_per_minute"),
    ({"requests_per_minute": 10**30}, "requests_per_minute"),
    ({"freshness_s": 901}, "freshness_s"),
    ({"freshness_s": -1}, "freshness_s"),
    ({"rank": "1"}, "rank"),
    ({"rank": 10**9}, "rank"),
    ({"options": {"colour": "blue"}}, "options"),
    ({"options": {"search": 5}}, "options"),
    ({"options": {"search": {"a": "b"}}}, "options"),
    ({"options": {"search": "x" * 1001}}, "options"),
    ({"options": ["search=post"]}, "options"),
    ({"options": {"auth": "token", "token_secret": "none-such"}}, "options"),
    ({"holds": []}, "holds"),
    ({"holds": ["shoes"]}, "holds"),
    ({"holds": "problems"}, "holds"),
    ({"discloses": "shoes"}, "discloses"),
    ({"enabled": True}, ""),
    ({"revision": 5}, ""),
    ({"id": str(uuid4())}, ""),
    ({"replaces": ""}, ""),
]


@pytest.mark.parametrize(("changes", "field"), BAD)
def test_t20_wrong_settings_are_said_at_their_field_and_nothing_is_tried(
    programme: Client, changes: dict[str, object], field: str, sent: list[UUID]
) -> None:
    answer = post(programme, "", royal("https://royal.example/fhir", **changes))
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    if field:
        assert set(answer.json()["fields"]) == {field}
    assert not SourceTrial.objects.exists()
    assert sent == []


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"slug": "a", "slug": "b"}',
        b'{"slug": "\\u0000"}',
        b'{"time_limit_s": NaN}',
        b'{"time_limit_s": 1e999}',
        b'{"options":' + b'{"a":' * 3000,
    ],
)
def test_a_body_that_means_nothing_is_refused(programme: Client, body: bytes) -> None:
    for path in ("", f"/{surgery().id}/change"):
        assert post(programme, path, body).status_code == 400
    assert not SourceTrial.objects.exists()


def test_an_operator_of_a_source_acts_for_their_own_organisation_alone(theirs: Client, hospital: Hospital) -> None:
    path = f"/{surgery().id}"
    for act in ("change", "check", "token"):
        assert post(theirs, f"{path}/{act}").status_code == 403, act
    assert post(theirs, f"{path}/token/end", {"reason": "x"}).status_code == 403
    assert post(theirs, "", royal(hospital.address, organisation=SURGERY_ODS)).status_code == 403
    assert post(theirs, "", royal(hospital.address, slug="the-surgery")).status_code == 403
    own = royal(hospital.address)
    del own["organisation"]
    trial_id = tried(theirs, "", own)
    assert saved(theirs, trial_id) == 200
    of_theirs = Source.objects.get(slug="royal")
    assert of_theirs.organisation.ods_code == HOSPITAL_ODS
    away = {"organisation": SURGERY_ODS}
    assert post(theirs, f"/{of_theirs.id}/change", away).status_code == 403
    administrator = user("ad.min", Role.ADMINISTRATOR)
    assert post(administrator, "", royal(hospital.address, slug="third")).status_code == 403
    assert post(administrator, f"{path}/change", {"rank": 1}).status_code == 403


def test_an_operator_of_a_source_renames_no_organisation(theirs: Client, hospital: Hospital) -> None:
    body = royal(hospital.address, organisation_name="The Best Hospital")
    answer = post(theirs, "", body)
    assert answer.status_code == 403
    assert not SourceTrial.objects.exists()


def test_a_check_is_made_sooner_and_a_token_is_made_and_ended(programme: Client) -> None:
    source = surgery()
    later = timezone.now() + timedelta(minutes=1)
    SourceHealth.objects.update_or_create(source=source, defaults={"since": later, "next_check_at": later})
    assert post(programme, f"/{source.id}/check").status_code == 204
    assert SourceHealth.objects.get().next_check_at < later
    made = post(programme, f"/{source.id}/token")
    assert made.status_code == 201
    assert made.json()["address"].endswith(f"/api/sources/{source.id}/health")
    token = made.json()["token"]
    report = Client(headers={"host": "testserver", "authorization": f"Bearer {token}"}).post(
        f"/api/sources/{source.id}/health", {"status": "degraded"}, content_type="application/json"
    )
    assert report.status_code == 204
    assert programme.get("/api/sources").json()[0]["health"]["reported"] == "degraded"
    assert programme.get(f"/api/sources/{source.id}").json()["report_token_made_at"]
    assert post(programme, f"/{source.id}/token/end", {}).status_code == 400
    assert post(programme, f"/{source.id}/token/end", {"reason": "Retired."}).status_code == 204
    assert post(programme, f"/{source.id}/token/end", {"reason": "Retired."}).status_code == 409
    assert ReportToken.objects.count() == 1


def test_an_operator_of_a_source_names_no_secret_of_others(
    theirs: Client, programme: Client, hospital: Hospital, settings: Any, tmp_path: Path
) -> None:
    """With one they could have our credentials for another's system sent to an address of their own."""
    settings.SOURCE_SECRETS_FOLDER = str(tmp_path)
    for name in ("royal-token", f"{SURGERY_ODS}-token", f"{HOSPITAL_ODS.lower()}-token"):
        (tmp_path / name).write_text("very-secret")

    def with_secret(name: str, slug: str = "royal") -> dict[str, object]:
        return royal(hospital.address, slug=slug, options={"auth": "token", "token_secret": name})

    refused = [post(theirs, "", with_secret(name)) for name in ("royal-token", f"{SURGERY_ODS}-token", "none-such")]
    assert {answer.status_code for answer in refused} == {400}
    assert len({answer.content for answer in refused}) == 1  # so that nobody learns which there are
    assert not SourceTrial.objects.exists()
    assert saved(theirs, tried(theirs, "", with_secret(f"{HOSPITAL_ODS.lower()}-token"))) == 200
    # One that the programme has entered for a source of theirs is theirs.
    assert saved(programme, tried(programme, "", with_secret("royal-token", slug="second"))) == 200
    assert saved(theirs, tried(theirs, f"/{Source.objects.get(slug='second').id}/change", {"rank": 3})) == 200
    call_command("change_source", "royal", "--option", f"token_secret={SURGERY_ODS}-token", "--no-check")
    assert saved(theirs, tried(theirs, f"/{Source.objects.get(slug='royal').id}/change", {"rank": 3})) == 200
