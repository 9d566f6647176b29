"""What waits is delivered at least once, under one id, and never again once it is known that somebody was told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog.testing
from django.db import connection, connections, transaction
from django.utils import timezone

from aggregator.accounts.models import Organisation, User
from aggregator.accounts.requester import operator
from aggregator.alerts import delivery, operations
from aggregator.alerts.delivery import deliver_waiting
from aggregator.alerts.models import Alert, AlertDelivery
from aggregator.alerts.raising import raise_alert
from aggregator.alerts.terms import AlertKind, AlertMedium, DeliveryFault, DeliveryState
from aggregator.services.alerts.end_webhook import end_webhook
from aggregator.services.alerts.try_webhook import try_webhook
from aggregator.services.relationships.claim_relationship import claim_relationship
from aggregator.services.users.end_membership import end_membership
from tests.alert_acts import ADDRESS, add_officer, registered
from tests.break_glass_acts import broken
from tests.receivers import MailServer, Receiver, certificate, mail_server, receiver, server_context
from tests.world import HOSPITAL_ODS, JOAN_NUMBER, SURGERY_ODS, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def mail(settings: Any) -> Iterator[MailServer]:
    with mail_server() as server:
        use(server, settings)
        yield server


@pytest.fixture
def posts() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def use(server: MailServer, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.DEFAULT_FROM_EMAIL = "longview@record.example"
    settings.EMAIL_TIMEOUT = 1


def deliver(medium: AlertMedium = AlertMedium.WEBHOOK, *, later: timedelta = timedelta()) -> None:
    deliver_waiting(medium=medium, clock=lambda: timezone.now() + later)


def only(medium: AlertMedium = AlertMedium.WEBHOOK) -> AlertDelivery:
    return AlertDelivery.objects.get(medium=medium)


def is_due_again() -> None:
    """Have what waits be due now, whatever its pause or lease."""
    AlertDelivery.objects.filter(state=DeliveryState.WAITING).update(next_at=timezone.now())


def test_an_emergency_is_told_to_officers_by_email_and_to_webhooks_signed(
    world: World, mail: MailServer, posts: Receiver
) -> None:
    add_officer()
    secret = registered(url=posts.url).secret
    access = broken(world)
    deliver(AlertMedium.EMAIL)
    deliver(AlertMedium.WEBHOOK)

    (posted,) = posts.posted
    alert = Alert.objects.get()
    assert posted.is_signed_with(secret)
    assert posted.headers["content-type"] == "application/json"
    assert posted.id == str(only().id)
    assert posted.content == {
        "type": "break-glass",
        "timestamp": alert.created_at.isoformat(),
        "data": {
            "alert": str(alert.id),
            "subject": str(access.id),
            "link": f"http://testserver/emergencies/{access.id}",
        },
    }
    (sent,) = mail.mails()
    assert (sent["To"], sent["From"]) == (ADDRESS, "longview@record.example")
    assert sent["Message-ID"] == f"<{only(AlertMedium.EMAIL).id}@testserver>"
    assert f"http://testserver/emergencies/{access.id}" in str(sent.get_payload(decode=True), "utf-8")
    assert {row.state for row in AlertDelivery.objects.all()} == {DeliveryState.DELIVERED}


def test_nothing_that_is_told_names_anybody(world: World, mail: MailServer, posts: Receiver) -> None:
    """T54."""
    add_officer()
    registered(url=posts.url, kinds=("break-glass", "self-claim"))
    broken(world, note="Joan Ferris was brought in.")
    claim_relationship(
        requester=world.outsider, person_id=world.nobodys, reason="Nobody Patient is new here.", now=timezone.now()
    )
    deliver(AlertMedium.EMAIL)
    deliver(AlertMedium.WEBHOOK)
    assert (len(mail.messages), len(posts.posted)) == (2, 2)
    told = [message.decode() for message in mail.messages]
    told += [f"{posted.path} {posted.headers} {posted.body.decode()}" for posted in posts.posted]
    user = User.objects.get(id=world.outsider.user_id)
    for text in told:
        for secret in ("Joan", "Ferris", JOAN_NUMBER, "Nobody", "ambulance", "brought in", "new here", "unconscious"):
            assert secret not in text
        for of_the_user in (user.username, user.family, user.given, str(user.id), str(world.outsider.membership_id)):
            assert of_the_user not in text
        for of_the_patient in (world.joan, world.nobodys):
            assert str(of_the_patient) not in text


def test_a_claim_is_told_as_well_and_what_is_sent_twice_is_told_once(world: World, posts: Receiver) -> None:
    registered(url=posts.url, kinds=("self-claim", "break-glass"))
    for _ in range(2):
        claim_relationship(
            requester=world.outsider, person_id=world.joan, reason="Seen in the clinic.", now=timezone.now()
        )
        broken(world, person_id=world.nobodys)
        deliver()
    assert sorted(posted.content["type"] for posted in posts.posted) == ["break-glass", "self-claim"]


def test_only_the_organisation_s_own_are_told_and_those_of_the_programme(world: World, posts: Receiver) -> None:
    add_officer(username="po.else", email="else@surgery.example", ods=SURGERY_ODS)
    registered(url=f"{posts.url}/own")
    registered(url=f"{posts.url}/programme", organisation_ods="", is_for_every_organisation=True)
    registered(url=f"{posts.url}/surgery", organisation_ods=SURGERY_ODS)
    registered(url=f"{posts.url}/claims", kinds=("self-claim",))
    broken(world)
    deliver()
    assert sorted(posted.path for posted in posts.posted) == ["/alerts/own", "/alerts/programme"]
    assert not AlertDelivery.objects.filter(medium=AlertMedium.EMAIL).exists()


def test_an_act_that_is_undone_tells_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    registered()

    def refuses(**_: object) -> int:
        raise RuntimeError("the audit is full")

    monkeypatch.setattr("aggregator.acting.operations.append", refuses)
    with pytest.raises(RuntimeError):
        broken(world)
    assert not Alert.objects.exists()


def test_a_mail_server_that_is_down_loses_nothing(world: World, settings: Any) -> None:
    add_officer()
    with mail_server() as server:
        port = server.port
    use(server, settings)
    broken(world)
    deliver(AlertMedium.EMAIL)
    waiting = only(AlertMedium.EMAIL)
    assert (waiting.state, waiting.fault, waiting.attempts) == ("waiting", DeliveryFault.MAIL_SERVER, 1)
    assert timezone.now() < waiting.next_at + timedelta(seconds=1) < timezone.now() + timedelta(seconds=22)
    with mail_server(port=port) as server:
        is_due_again()
        deliver(AlertMedium.EMAIL)
        (sent,) = server.mails()
    assert sent["Message-ID"] == f"<{waiting.id}@testserver>"
    assert (only(AlertMedium.EMAIL).state, only(AlertMedium.EMAIL).fault) == ("delivered", "")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda server: setattr(server, "refuses", True), DeliveryFault.MAIL_REFUSED),
        (lambda server: setattr(server, "hangs_s", 2.0), DeliveryFault.MAIL_SERVER),
    ],
    ids=["refuses", "hangs"],
)
def test_what_a_mail_server_does_not_take_is_tried_again(
    world: World, mail: MailServer, change: Callable[[MailServer], None], fault: DeliveryFault
) -> None:
    add_officer()
    change(mail)
    broken(world)
    with structlog.testing.capture_logs() as logged:
        deliver(AlertMedium.EMAIL)
    assert (only(AlertMedium.EMAIL).state, only(AlertMedium.EMAIL).fault) == ("waiting", fault)
    assert "Joan" not in str(logged), "what a server says is kept nowhere"
    mail.refuses, mail.hangs_s = False, 0.0
    is_due_again()
    deliver(AlertMedium.EMAIL)
    assert only(AlertMedium.EMAIL).state == "delivered"


def test_a_mail_server_is_told_nothing_before_it_has_shown_who_it_is(
    world: World, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_officer()
    broken(world)
    file = certificate(tmp_path)
    with mail_server() as plain, mail_server(starttls=server_context(file)) as encrypted:
        for server, fault in ((plain, DeliveryFault.MAIL_REFUSED), (encrypted, DeliveryFault.MAIL_SERVER)):
            use(server, settings)
            settings.EMAIL_USE_TLS = True
            is_due_again()
            deliver(AlertMedium.EMAIL)
            assert (only(AlertMedium.EMAIL).state, only(AlertMedium.EMAIL).fault) == ("waiting", fault)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))  # from here on this machine trusts it
        is_due_again()
        deliver(AlertMedium.EMAIL)
        assert (plain.messages, len(encrypted.messages)) == ([], 1)
    assert only(AlertMedium.EMAIL).state == "delivered"


def test_a_webhook_is_told_nothing_before_it_has_shown_who_it_is(world: World, tmp_path: Path) -> None:
    """T54: by a certificate that this machine trusts."""
    with receiver(tls=server_context(certificate(tmp_path))) as desk:
        registered(url=desk.url)
        broken(world)
        deliver()
        assert desk.posted == []
    assert (only().state, only().fault) == ("waiting", "tls")


def test_who_has_no_address_is_told_once_there_is_one(world: World, mail: MailServer) -> None:
    officer = add_officer(email="")
    broken(world)
    deliver(AlertMedium.EMAIL)
    assert only(AlertMedium.EMAIL).fault == DeliveryFault.NO_ADDRESS
    User.objects.filter(id=officer).update(email=ADDRESS)
    is_due_again()
    deliver(AlertMedium.EMAIL)
    assert [sent["To"] for sent in mail.mails()] == [ADDRESS]


def test_without_a_mail_server_it_is_said_and_tried_again(world: World, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    add_officer()
    broken(world)
    deliver(AlertMedium.EMAIL)
    assert (only(AlertMedium.EMAIL).state, only(AlertMedium.EMAIL).fault) == ("waiting", DeliveryFault.NO_MAIL_SERVER)


def test_who_is_no_longer_an_officer_is_not_told(world: World, mail: MailServer) -> None:
    officer = add_officer()
    broken(world)
    (membership,) = User.objects.get(id=officer).memberships.all()
    end_membership(requester=operator(), membership_id=membership.id, reason="Left.", now=timezone.now())
    deliver(AlertMedium.EMAIL)
    assert mail.messages == []
    assert (only(AlertMedium.EMAIL).state, only(AlertMedium.EMAIL).fault) == ("given-up", "no-longer-told")


def test_a_webhook_that_has_ended_is_told_nothing_more(world: World, posts: Receiver) -> None:
    webhook = registered(url=posts.url).webhook_id
    broken(world)
    end_webhook(requester=operator(), webhook_id=webhook, reason="Replaced.", now=timezone.now())
    deliver()
    assert posts.posted == []
    assert (only().state, only().fault) == ("given-up", "webhook-ended")
    broken(world, person_id=world.nobodys)
    assert AlertDelivery.objects.count() == 1


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_what_is_no_success_is_tried_again_under_the_same_id(world: World, posts: Receiver, status: int) -> None:
    secret = registered(url=posts.url).secret
    broken(world)
    posts.statuses = [status, status]
    for _ in range(4):
        deliver()
        is_due_again()
    first, second, third = posts.posted
    assert {first.id, second.id, third.id} == {str(only().id)}
    assert first.body == second.body == third.body
    assert all(posted.is_signed_with(secret) for posted in posts.posted)
    assert (only().state, only().attempts) == ("delivered", 3)


def told_of(posts: Receiver) -> list[str]:
    return [json.loads(posted.body)["type"] for posted in posts.posted]


def source_alert(kind: AlertKind, *, subject_id: UUID, now: datetime) -> None:
    with transaction.atomic():
        raise_alert(
            kind=kind,
            subject_id=subject_id,
            organisation_id=Organisation.objects.get(ods_code=HOSPITAL_ODS).id,
            occasion=str(uuid4()),
            now=now,
        )


def test_nobody_is_told_of_what_was_after_what_came_of_it(world: World, posts: Receiver) -> None:
    """That a source is down, said once it is up again, would have somebody get up for nothing."""
    registered(url=posts.url, kinds=("source-down", "source-up", "break-glass"))
    source_id, now = uuid4(), timezone.now()
    posts.statuses = [503]
    source_alert(AlertKind.SOURCE_DOWN, subject_id=source_id, now=now)
    deliver()
    waits = only()
    assert (waits.state, waits.attempts) == (DeliveryState.WAITING, 1)
    AlertDelivery.objects.update(next_at=now + timedelta(minutes=40))
    source_alert(AlertKind.SOURCE_UP, subject_id=source_id, now=now + timedelta(minutes=2))
    # Of other subjects it is told meanwhile, and the earlier of this one is tried again at once.
    posts.statuses = [204, 503]
    broken(world)
    deliver(later=timedelta(minutes=2))
    assert told_of(posts) == ["source-down", "break-glass", "source-down"]
    is_due_again()
    deliver()
    assert told_of(posts)[3:] == ["source-down", "source-up"]
    assert set(AlertDelivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_what_another_process_is_telling_is_not_overtaken_either(world: World, posts: Receiver) -> None:
    registered(url=posts.url, kinds=("source-down", "source-up"))
    source_id, now = uuid4(), timezone.now()
    source_alert(AlertKind.SOURCE_DOWN, subject_id=source_id, now=now)
    (elsewhere,) = operations.claim_due(medium=AlertMedium.WEBHOOK, most=20, busy=(), now=now)
    source_alert(AlertKind.SOURCE_UP, subject_id=source_id, now=now + timedelta(seconds=1))
    deliver(later=timedelta(seconds=1))
    assert posts.posted == []
    operations.record_delivered(claim=elsewhere, now=now + timedelta(seconds=2))
    deliver(later=timedelta(seconds=2))
    assert told_of(posts) == ["source-up"]


def test_a_redirect_is_not_followed(world: World, posts: Receiver) -> None:
    with receiver() as elsewhere:
        registered(url=posts.url)
        broken(world)
        posts.statuses, posts.headers = [307], {"Location": elsewhere.url}
        deliver()
        assert (len(posts.posted), elsewhere.posted) == (1, [])
    assert (only().state, only().fault) == ("waiting", "redirect")


def test_whatever_a_receiver_says_with_its_success_it_has_been_told(world: World, posts: Receiver) -> None:
    registered(url=posts.url)
    broken(world)
    posts.statuses, posts.body = [200], b"x" * 30_000_000
    deliver()
    assert only().state == "delivered"


def test_one_that_hangs_costs_its_own_deadline_and_keeps_nobody_else_waiting(
    world: World, posts: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregator.alerts.webhooks.POST_S", 3.0)
    with receiver() as hanging:
        hanging.hangs_s = 30.0
        slow = registered(url=hanging.url, name="Hangs").webhook_id
        for number in range(5):
            registered(url=f"{posts.url}/{number}")
        broken(world)
        broken(world, person_id=world.nobodys)
        started = time.monotonic()
        arrived: list[float] = []
        watcher = threading.Thread(target=lambda: arrived.append(_when(lambda: len(posts.posted) == 10, started)))
        watcher.start()
        deliver()
        took_s = time.monotonic() - started
        watcher.join()
    assert arrived[0] < 2.5, "the others did not wait for it"
    # Both of its own were attempted, one after the other.
    assert 6.0 <= took_s < 12.0
    ours = AlertDelivery.objects.filter(recipient_id=slow)
    assert {(row.state, row.fault) for row in ours} == {("waiting", "timed-out")}


def _when(condition: Callable[[], bool], started: float) -> float:
    while not condition() and time.monotonic() < started + 20:
        time.sleep(0.02)
    return time.monotonic() - started


def test_a_name_that_has_come_to_lead_inside_is_not_connected_to(world: World, posts: Receiver, settings: Any) -> None:
    """T24, T54: it was right when it was registered, and is judged again at every call."""
    registered(url=posts.url.replace("127.0.0.1", "localhost"))
    registered(url=posts.url)
    settings.WEBHOOK_NETWORKS = ()
    broken(world)
    deliver()
    assert posts.posted == []
    assert {(row.state, row.fault) for row in AlertDelivery.objects.all()} == {("waiting", "address")}


def test_after_three_days_it_is_given_up_and_said(world: World) -> None:
    registered()
    broken(world)
    deliver()
    assert (only().state, only().fault) == ("waiting", "connection")
    with structlog.testing.capture_logs() as logged:
        deliver(later=timedelta(days=3))
    assert (only().state, only().fault, only().attempts) == ("given-up", "connection", 2)
    assert [(line["event"], line["reason"]) for line in logged] == [("alert_given_up", "connection")]
    is_due_again()
    deliver(later=timedelta(days=4))
    assert only().attempts == 2


def test_a_secret_that_cannot_be_read_is_said(world: World, posts: Receiver, settings: Any) -> None:
    registered(url=posts.url)
    broken(world)
    settings.ALERTS_KEY = b"another key, of thirty-two bytes"
    deliver()
    assert (posts.posted, only().fault) == ([], "secret")


def test_a_test_goes_the_same_way_to_that_webhook_alone(world: World, posts: Receiver) -> None:
    add_officer()
    registered(url=f"{posts.url}/other")
    webhook = registered(url=posts.url)
    for _ in range(2):
        try_webhook(requester=operator(), webhook_id=webhook.webhook_id, now=timezone.now())
    deliver()
    assert [(posted.path, posted.content["type"]) for posted in posts.posted] == [("/alerts", "test")] * 2
    assert all(posted.is_signed_with(webhook.secret) for posted in posts.posted)
    assert len({posted.id for posted in posts.posted}) == 2
    assert not AlertDelivery.objects.filter(medium=AlertMedium.EMAIL).exists()


def test_a_process_that_dies_after_it_has_told_leaves_it_to_be_told_again_under_the_same_id(
    world: World, posts: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(url=posts.url)
    broken(world)

    class Killed(BaseException):
        pass

    def dies(**_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(operations, "record_delivered", dies)
        with pytest.raises(Killed):
            deliver()
    assert len(posts.posted) == 1
    deliver()
    assert len(posts.posted) == 1, "for the length of its lease nobody else attempts it"
    deliver(later=operations.LEASE + timedelta(seconds=1))
    assert len({posted.id for posted in posts.posted}) == 1
    assert (len(posts.posted), only().state) == (2, "delivered")
    deliver(later=timedelta(days=2))
    assert len(posts.posted) == 2


def test_what_comes_late_changes_nothing_that_is_known(world: World, posts: Receiver) -> None:
    registered(url=posts.url)
    broken(world)
    now = timezone.now()
    (late,) = operations.claim_due(medium=AlertMedium.WEBHOOK, most=9, busy=(), now=now)
    after = now + operations.LEASE
    (second,) = operations.claim_due(medium=AlertMedium.WEBHOOK, most=9, busy=(), now=after)
    operations.record_failed(claim=late, fault=DeliveryFault.STATUS, next_at=now, now=now)
    assert (only().fault, only().next_at) == ("", after + operations.LEASE), "it is another's now"
    operations.record_delivered(claim=late, now=after)
    operations.record_failed(claim=second, fault=DeliveryFault.STATUS, next_at=None, now=after)
    assert (only().state, only().fault) == ("delivered", "")
    with pytest.raises(Exception, match="never changed"), connection.cursor() as cursor:
        cursor.execute("UPDATE alert_delivery SET state = 'waiting', ended_at = NULL")


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_tells_each(world: World, posts: Receiver) -> None:
    for number in range(10):
        registered(url=f"{posts.url}/{number}", name=f"{number}")
    for person in (world.joan, world.nobodys):
        broken(world, person_id=person)
    posts.hangs_s = 0.05
    start = threading.Barrier(6)

    def work() -> None:
        try:
            start.wait()
            deliver()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(posts.posted) == len({posted.id for posted in posts.posted}) == 20
    assert set(AlertDelivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


@pytest.mark.django_db(transaction=True)
def test_that_somebody_was_told_is_recorded_once_the_database_is_back(
    world: World, posts: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(url=posts.url)
    broken(world)
    record, failures = operations.record_delivered, [0]

    def away_at_first(**arguments: Any) -> None:
        if failures[0] < 2:
            failures[0] += 1
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        record(**arguments)

    monkeypatch.setattr(operations, "record_delivered", away_at_first)
    monkeypatch.setattr(delivery, "RECORD_EVERY_S", 0.05)
    deliver()
    assert (failures[0], only().state, len(posts.posted)) == (2, "delivered", 1)


def test_a_process_that_stops_begins_nothing_more(world: World, posts: Receiver) -> None:
    for number in range(3):
        registered(url=f"{posts.url}/{number}")
    broken(world)
    broken(world, person_id=world.nobodys)
    deliver_waiting(medium=AlertMedium.WEBHOOK, clock=timezone.now, is_stopping=lambda: len(posts.posted) > 0)
    assert 0 < len(posts.posted) <= 3
    assert AlertDelivery.objects.filter(state="delivered").count() == len(posts.posted)


def test_a_clock_that_was_put_back_keeps_no_alert_from_being_tried_again(world: World, posts: Receiver) -> None:
    registered(url=posts.url)
    posts.statuses = [503]
    broken(world)
    deliver(later=timedelta(days=1))
    assert (only().state, only().next_at > timezone.now() + timedelta(hours=23)) == (DeliveryState.WAITING, True)
    deliver()
    assert only().state == DeliveryState.DELIVERED
