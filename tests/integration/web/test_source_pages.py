"""The operator's pages: a source is added after it was tried, seen to go down, told of, paused and asked again."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from aggregator.accounts.models import Membership
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.alerts.models import Alert
from aggregator.audit.models import AuditEvent
from aggregator.federation.models import SourceOutcome
from aggregator.health import tasks
from aggregator.health.checking import check_due
from aggregator.health.models import SourceConditionChange, SourceHealth, SourceTrial
from aggregator.health.terms import ConditionLine, SourceCondition
from aggregator.health.trials import run_trial
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.load_identities import load_identities
from aggregator.services.open_record import open_record
from aggregator.sources.models import Source
from aggregator.web.sources.picture import WIDTH, bands_of
from tests.hospital import Hospital, running
from tests.integration.health.test_checking import FAILS, WORKS
from tests.world import HOSPITAL_ODS, IDENTITIES, NOWHERE, PASSWORD, SURGERY_ODS, make_world, signed_in_client

pytestmark = pytest.mark.django_db


def user(name: str, role: Role, ods: str = SURGERY_ODS) -> Client:
    new = NewUser(username=name, password=PASSWORD, family="Er", given="Op", organisation_ods=ods, role=role)
    add_user(requester=operator(), user=new, now=timezone.now())
    return signed_in_client(name)


@pytest.fixture
def programme() -> Client:
    make_world()
    return user("pro.admin", Role.PROGRAMME_ADMINISTRATOR)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """What is sent to the queue; nothing runs in the web process."""
    ids: list[UUID] = []
    monkeypatch.setattr(tasks, "send_trial", lambda *, trial_id: ids.append(trial_id))
    return ids


def surgery() -> Source:
    return Source.objects.get(slug="the-surgery")


def check(times: int = 1) -> None:
    for _ in range(times):
        SourceHealth.objects.update(next_check_at=timezone.now())
        check_due(clock=timezone.now, rng=random.Random(1))


def settings_of(address: str, **changes: str) -> dict[str, str]:
    return {
        "slug": "royal",
        "name": "Royal Infirmary",
        "kind": "fhir_r4",
        "base_url": address,
        "organisation_ods": HOSPITAL_ODS,
        "organisation_name": "",
        "time_limit_s": "3",
        "freshness_s": "120",
        "rank": "50",
        "options": "",
        **changes,
    }


def test_a_source_is_added_goes_down_is_told_of_is_paused_and_asked_again(programme: Client) -> None:
    with running(Hospital(answers=dict(WORKS))) as hospital:
        led = programme.post("/sources/add", settings_of(hospital.address))
        assert (led.status_code, hospital.asked) == (302, [])
        trial = SourceTrial.objects.get()
        page = programme.get(led.headers["Location"])
        assert "It is being tried" in page.content.decode()
        assert not Source.objects.filter(slug="royal").exists()
        run_trial(trial_id=trial.id, clock=timezone.now)
        part = programme.get(f"/sources/trials/{trial.id}/part").content.decode()
        assert "It works" in part
        assert "hx-get" not in part
        saved = programme.post(f"/sources/trials/{trial.id}/save")
        source = Source.objects.get(slug="royal")
        assert saved.headers["Location"] == f"/sources/{source.id}"
        assert (source.base_url, source.rank) == (hospital.address, 50)
        check()
        assert "nhsuk-tag--green" in programme.get("/sources/board").content.decode()
        hospital.answers = dict(FAILS)
        check(times=3)
        board = programme.get("/sources/board").content.decode()
        assert "Down</strong>" in board
        assert "our checks of it fail, three or more in a row" in board
        assert list(Alert.objects.filter(subject_id=source.id).values_list("kind", flat=True)) == ["source-down"]
        page = programme.get(f"/sources/{source.id}/part").content.decode()
        assert "Could not be reached: it reported a fault" in page
        assert 'class="app-history__down"' in page
        assert programme.post(f"/sources/{source.id}/pause", {"reason": "Their disk."}).status_code == 302
        page = programme.get(f"/sources/{source.id}").content.decode()
        assert "Paused</strong>" in page
        assert "Their disk." in page
        hospital.answers = dict(WORKS)
        assert programme.post(f"/sources/{source.id}/resume", {"reason": "Mended."}).status_code == 302
        check()
        assert "Up</strong>" in programme.get(f"/sources/{source.id}").content.decode()
    actions = list(AuditEvent.objects.order_by("-seq").values_list("action", flat=True)[:3])
    assert actions[:2] == ["resume-source", "pause-source"]


def test_a_paused_source_is_not_asked_for_a_record() -> None:
    world = make_world()
    administrator = signed_in_client("ms.lane")
    source = surgery()
    assert administrator.post(f"/sources/{source.id}/pause", {"reason": "Move."}).status_code == 302
    open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    outcome = SourceOutcome.objects.get()
    assert (outcome.outcome, outcome.reason) == ("not-asked", "paused")
    again = administrator.post(f"/sources/{source.id}/pause", {"reason": "Move."})
    assert again.status_code == 409
    assert administrator.post(f"/sources/{source.id}/resume", {"reason": " "}).status_code == 400


def test_what_was_not_tried_well_or_lately_or_by_oneself_is_not_saved(programme: Client) -> None:
    programme.post("/sources/add", settings_of(NOWHERE))
    trial = SourceTrial.objects.get()
    assert programme.post(f"/sources/trials/{trial.id}/save").status_code == 409
    run_trial(trial_id=trial.id, clock=timezone.now)
    part = programme.get(f"/sources/trials/{trial.id}/part").content.decode()
    assert "It does not work" in part
    assert "there was no connection" in part
    assert "Save this source" not in part
    assert programme.post(f"/sources/trials/{trial.id}/save").status_code == 409
    with running(Hospital(answers=dict(WORKS))) as hospital:
        programme.post("/sources/add", settings_of(hospital.address))
        good = SourceTrial.objects.latest("asked_at")
        run_trial(trial_id=good.id, clock=lambda: timezone.now() - timedelta(minutes=31))
        assert programme.post(f"/sources/trials/{good.id}/save").status_code == 409
        programme.post("/sources/add", settings_of(hospital.address))
        own = SourceTrial.objects.latest("asked_at")
        run_trial(trial_id=own.id, clock=timezone.now)
    other = user("pro.other", Role.PROGRAMME_ADMINISTRATOR)
    assert other.post(f"/sources/trials/{own.id}/save").status_code == 404
    assert not Source.objects.filter(slug="royal").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slug": "Royal"}, "lower-case letters"),
        ({"base_url": "https://10.1.2.3/fhir"}, "No source may have this address"),
        ({"base_url": "file:///etc/passwd"}, "must start with https"),
        ({"options": "colour=blue"}, "has no option colour"),
        ({"options": "blue"}, "name=value"),
        ({"options": "auth=token\ntoken_secret=none-such"}, "There is no secret"),
        ({"time_limit_s": "600"}, "at most 60"),
        ({"freshness_s": "901"}, "from 0 to 900"),
        ({"freshness_s": ""}, "Enter how long its answers are used again"),
        ({"discloses": "shoes"}, "Enter one of"),
    ],
)
def test_wrong_settings_are_said_at_their_field_and_nothing_is_tried(
    programme: Client, changes: dict[str, str], said: str, sent: list[UUID]
) -> None:
    answer = programme.post("/sources/add", settings_of("https://royal.example/fhir", **changes))
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not SourceTrial.objects.exists()
    assert sent == []


def test_an_operator_of_a_source_acts_for_their_own_organisation_alone(programme: Client) -> None:
    theirs = user("op.far", Role.SOURCE_OPERATOR, HOSPITAL_ODS)
    source = surgery()
    assert theirs.get(f"/sources/{source.id}").status_code == 200
    assert "Pause" not in re.sub(r"(?s)<h2.*", "", theirs.get(f"/sources/{source.id}").content.decode())
    for path in ("pause", "resume", "try", "check", "token", "token/end", "change"):
        answer = theirs.post(f"/sources/{source.id}/{path}", {"reason": "x", **settings_of(NOWHERE)})
        assert answer.status_code == 403, path
    taken = theirs.post("/sources/add", settings_of("https://x.example/fhir", slug="the-surgery"))
    assert taken.status_code == 403
    assert theirs.post("/sources/add", settings_of("https://x.example/fhir")).status_code == 302
    assert SourceTrial.objects.get().settings["organisation_ods"] == HOSPITAL_ODS


def test_settings_are_changed_after_a_trial_and_a_secret_is_named_alone(
    programme: Client, tmp_path: Path, settings: object
) -> None:
    (tmp_path / "royal-token").write_text("very-secret-token")
    settings.SOURCE_SECRETS_FOLDER = str(tmp_path)  # type: ignore[attr-defined]
    Source.objects.update(requests_per_minute=30)
    source = surgery()
    page = programme.get(f"/sources/{source.id}/change").content.decode()
    assert NOWHERE in page
    assert 'value="30"' in page
    with running(Hospital(answers=dict(WORKS))) as hospital:
        entered = settings_of(
            hospital.address, options="auth=token\ntoken_secret=royal-token", requests_per_minute="40"
        )
        assert programme.post(f"/sources/{source.id}/change", entered).status_code == 302
        trial = SourceTrial.objects.get()
        assert surgery().base_url == NOWHERE
        run_trial(trial_id=trial.id, clock=timezone.now)
        programme.post(f"/sources/trials/{trial.id}/save")
    changed = surgery()
    assert (changed.id, changed.name, changed.base_url) == (source.id, "Royal Infirmary", hospital.address)
    assert (changed.requests_per_minute, changed.freshness_s) == (40, 120)
    assert changed.revision > source.revision
    page = programme.get(f"/sources/{source.id}").content.decode()
    assert "the secret named <code>royal-token</code>" in page
    assert "very-secret-token" not in page


def test_a_token_is_shown_once_and_a_report_stands_on_the_board_as_text(programme: Client) -> None:
    source = surgery()
    shown = programme.post(f"/sources/{source.id}/token").content.decode()
    token = re.search(r"<code>([^<]{80,})</code>", shown)
    assert token
    answer = Client(headers={"host": "testserver", "authorization": f"Bearer {token[1]}"}).post(
        f"/api/sources/{source.id}/health",
        {"status": "degraded", "message": "<script>alert(1)</script>"},
        content_type="application/json",
    )
    assert answer.status_code == 204
    board = programme.get("/sources/board").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in board
    assert "Degraded</strong>" in board
    page = programme.get(f"/sources/{source.id}").content.decode()
    assert token[1] not in page
    assert programme.post(f"/sources/{source.id}/token/end", {"reason": "Retired."}).status_code == 302
    assert "It has no token" in programme.get(f"/sources/{source.id}").content.decode()


def test_how_many_are_linked_is_said_and_nobody_is_named(programme: Client) -> None:
    page = programme.get(f"/sources/{surgery().id}").content.decode()
    assert re.search(r"People linked to it</dt><dd[^>]*>3</dd>", page)
    assert "Ferris" not in page
    changed = IDENTITIES.splitlines()
    load_identities(requester=operator(), source_slug="the-surgery", lines=changed, now=timezone.now())
    assert programme.get(f"/sources/{uuid4()}").status_code == 404


def test_a_trial_that_nothing_takes_up_is_said_to_be_lost(programme: Client) -> None:
    programme.post(f"/sources/{surgery().id}/try")
    trial = SourceTrial.objects.get()
    SourceTrial.objects.filter(id=trial.id).update(asked_at=timezone.now() - timedelta(minutes=1))
    part = programme.get(f"/sources/trials/{trial.id}/part").content.decode()
    assert "Nothing will come of it any more" in part
    assert "hx-get" not in part


@pytest.mark.parametrize("length", [2001, 4001, 100_000])
def test_a_reason_that_is_too_long_is_told_its_limit_and_stays(programme: Client, length: int) -> None:
    answer = programme.post(f"/sources/{surgery().id}/pause", {"reason": "y" * length})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Enter why the source is paused, in 2,000 characters or fewer" in page
    assert "y" * length in page
    assert surgery().enabled


def test_changes_that_are_not_listed_are_those_of_the_last_day_alone(programme: Client) -> None:
    source = surgery()
    now = timezone.now()
    SourceHealth.objects.get_or_create(source=source, defaults={"since": now, "next_check_at": now})

    def changes(count: int, *, began: timedelta) -> None:
        SourceConditionChange.objects.bulk_create(
            SourceConditionChange(
                source=source,
                condition=("down", "unknown")[number % 2],
                reasons=[],
                at=now - began + timedelta(seconds=number),
            )
            for number in range(count)
        )

    path = f"/sources/{source.id}/part"
    changes(1, began=timedelta(hours=30))
    changes(20, began=timedelta(hours=3))
    assert "not listed" not in programme.get(path).content.decode()
    changes(1, began=timedelta(hours=4))
    assert "that are not listed: 1." in programme.get(path).content.decode()
    changes(400, began=timedelta(hours=20))
    page = programme.get(path).content.decode()
    assert "that are not listed: 180 or more." in page
    assert "The picture begins with the first of these" in page
    assert '<rect class="app-history__unknown" x="0" y="0"' not in page


def test_a_kind_that_is_declared_no_longer_leaves_the_pages_as_they_are(programme: Client) -> None:
    check(times=3)
    Source.objects.update(kind="ward_book")
    source = surgery()
    for path in ("/sources", "/sources/board", f"/sources/{source.id}", f"/sources/{source.id}/change", "/sources/add"):
        assert programme.get(path).status_code == 200, path
    check()
    assert programme.post(f"/sources/{source.id}/pause", {"reason": "Gone."}).status_code == 302
    assert programme.post(f"/sources/{source.id}/resume", {"reason": "Back."}).status_code == 302
    entered = settings_of(NOWHERE, kind="ward_book")
    assert programme.post(f"/sources/{source.id}/change", entered).status_code == 400


def test_a_kind_that_is_declared_no_longer_keeps_no_record_from_being_opened() -> None:
    world = make_world()
    Source.objects.update(kind="ward_book")
    clinician = signed_in_client("dr.osei")
    opened = clinician.post(f"/people/{world.joan}/record")
    assert opened.status_code == 302
    assert clinician.get(opened.headers["Location"]).status_code == 200
    assert SourceOutcome.objects.get().outcome is None  # it is asked, which the worker finds it cannot


def test_a_board_that_stays_open_is_left_for_the_choice_of_a_role(programme: Client) -> None:
    here = Membership.objects.get(user__username="pro.admin")
    Membership.objects.create(user=here.user, organisation=here.organisation, role=Role.NURSE)
    again = signed_in_client("pro.admin")  # in another window, and no role has been chosen yet
    for path in ("/sources/board", f"/sources/{surgery().id}/part"):
        answer = again.get(path, headers={"HX-Request": "true"})
        assert (answer.status_code, answer.content) == (401, b""), path
        assert answer.headers["HX-Redirect"] == "/role"


def test_a_picture_stays_within_its_frame_after_the_clock_was_put_back() -> None:
    now = timezone.now()
    ahead = [
        ConditionLine(condition=SourceCondition.UP, reasons=(), at=now + timedelta(hours=1)),
        ConditionLine(condition=SourceCondition.DOWN, reasons=(), at=now + timedelta(minutes=30)),
        ConditionLine(condition=SourceCondition.UP, reasons=(), at=now - timedelta(hours=2)),
    ]
    for band in bands_of(history=ahead, now=now):
        assert 0 <= band.x <= band.x + band.width <= WIDTH


def test_the_picture_says_what_the_table_says() -> None:
    now = timezone.now()

    def line(hours: float, condition: str) -> ConditionLine:
        return ConditionLine(condition=SourceCondition(condition), reasons=(), at=now - timedelta(hours=hours))

    bands = bands_of(history=[line(6, "up"), line(12, "down"), line(40, "up")], now=now)
    assert [(band.x, band.width, band.condition.value) for band in bands] == [
        (0, WIDTH // 2, "up"),
        (WIDTH // 2, WIDTH // 4, "down"),
        (WIDTH * 3 // 4, WIDTH // 4, "up"),
    ]
    (unknown, up) = bands_of(history=[line(6, "up")], now=now)
    assert (unknown.condition.value, unknown.width, up.width) == ("unknown", WIDTH * 3 // 4, WIDTH // 4)
    assert bands_of(history=[], now=now)[0].width == WIDTH
