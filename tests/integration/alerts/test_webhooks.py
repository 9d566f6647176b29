"""Webhooks and addresses are kept by administrators: by page, over the service API and by command."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from aggregator.accounts.models import AccessEnd, Membership, Organisation, User
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.alerts.delivery import deliver_waiting
from aggregator.alerts.models import Alert, AlertDelivery, Webhook
from aggregator.alerts.raising import raise_alert
from aggregator.alerts.terms import AlertKind, AlertMedium, DeliveryState
from aggregator.audit.models import AuditEvent
from aggregator.errors import Invalid, LongviewError, NotFound, NotPermitted, Superseded
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.alerts.end_webhook import end_webhook
from aggregator.services.alerts.list_alerts import list_alerts
from aggregator.services.alerts.list_webhooks import list_webhooks
from aggregator.services.alerts.try_webhook import try_webhook
from aggregator.services.users.set_email import set_email
from tests.alert_acts import ADDRESS, NOWHERE, OFFICER, add_officer, registered
from tests.break_glass_acts import broken
from tests.receivers import receiver
from tests.world import HOSPITAL_ODS, PASSWORD, SURGERY_ODS, World, make_world, requester_named, signed_in_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    world = make_world()
    for username, role, ods in (
        ("pa.ruiz", Role.PROGRAMME_ADMINISTRATOR, SURGERY_ODS),
        ("ms.ward", Role.ADMINISTRATOR, HOSPITAL_ODS),
    ):
        user = NewUser(
            username=username, password=PASSWORD, family="Ward", given="Ann", organisation_ods=ods, role=role
        )
        add_user(requester=operator(), user=user, now=timezone.now())
    return world


def deliver(medium: AlertMedium = AlertMedium.WEBHOOK) -> None:
    deliver_waiting(medium=medium, clock=timezone.now)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_an_administrator_keeps_those_of_their_own_organisation_only(world: World) -> None:
    own = registered(by=requester_named("ms.ward")).webhook_id
    every = registered(by=requester_named("pa.ruiz"), is_for_every_organisation=True).webhook_id
    for refused in ({"organisation_ods": HOSPITAL_ODS}, {"is_for_every_organisation": True}):
        with pytest.raises(NotPermitted):
            registered(by=world.administrator, **refused)
    for webhook in (own, every, uuid4()):
        for act in (
            lambda webhook=webhook: try_webhook(requester=world.administrator, webhook_id=webhook, now=timezone.now()),
            lambda webhook=webhook: end_webhook(
                requester=world.administrator, webhook_id=webhook, reason="Mine.", now=timezone.now()
            ),
        ):
            with pytest.raises(NotFound):
                act()
    assert list_webhooks(requester=world.administrator, now=timezone.now()) == ()
    assert [line.webhook_id for line in list_webhooks(requester=requester_named("ms.ward"), now=timezone.now())] == [
        own
    ]
    seen = {line.webhook_id for line in list_webhooks(requester=requester_named("pa.ruiz"), now=timezone.now())}
    assert seen == {own, every}
    for webhook in (own, every):
        end_webhook(requester=requester_named("pa.ruiz"), webhook_id=webhook, reason="Over.", now=timezone.now())
        with pytest.raises(Superseded):
            end_webhook(requester=requester_named("pa.ruiz"), webhook_id=webhook, reason="Over.", now=timezone.now())
        with pytest.raises(Superseded):
            try_webhook(requester=requester_named("pa.ruiz"), webhook_id=webhook, now=timezone.now())
    assert AccessEnd.objects.filter(kind="webhook").count() == 2


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://10.1.2.3/alerts",
        "https://[fe80::1]/alerts",
        "https://[::ffff:10.0.0.1]/alerts",
        "http://desk.example/alerts",
        "ftp://127.0.0.1/alerts",
        "file:///etc/passwd",
        "https://user:secret@127.0.0.1/alerts",
        "https://@127.0.0.1/alerts",
        "https://:@127.0.0.1/alerts",
        "https://127.0.0.1:0/alerts",
        "https://127.0.0.1/al\\erts",
        "https://127.0.0.1/alerts#part",
        "https://127.0.0.1/al erts",
        "https://127.0.0.1/al\nerts",
        "https://127.0.0.1:99999/alerts",
        "//127.0.0.1/alerts",
        "https://[",
        "alerts",
        "https://no-such-host.invalid/alerts",
        "https://127.0.0.1/" + "x" * 600,
    ],
)
def test_no_address_inside_is_registered(address: str, world: World) -> None:
    """T24, T54."""
    with pytest.raises(Invalid) as refused:
        registered(url=address)
    assert refused.value.field == "url"
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    "found", [["10.0.0.5"], ["93.184.216.34", "169.254.169.254"], ["::1"], ["fe80::1%eth0"]], ids=str
)
def test_a_name_that_leads_inside_is_not_registered(
    found: list[str], world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T24: whichever of its addresses it is."""
    settings.WEBHOOK_NETWORKS = ()

    def resolves(*_: Any, **__: Any) -> list[Any]:
        return [(None, None, None, "", (address, 443)) for address in found]

    monkeypatch.setattr("aggregator.alerts.registration.socket.getaddrinfo", resolves)
    with pytest.raises(Invalid, match="No webhook may have this address"):
        registered(url="https://desk.example/alerts")
    found[:] = ["93.184.216.34"]
    registered(url="https://desk.example/alerts")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "Duty\u202eksed"}, "name"),
        ({"name": "Duty\ndesk"}, "name"),
        ({"kinds": ()}, "kinds"),
        ({"kinds": ("test",)}, "kinds"),
        ({"kinds": ("break-glass", "anything")}, "kinds"),
        ({"organisation_ods": "NONE"}, "organisation_ods"),
        ({"organisation_ods": ""}, "organisation_ods"),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], field: str, world: World) -> None:
    with pytest.raises(Invalid) as refused:
        registered(**changed)
    assert refused.value.field == field


def test_without_a_key_to_seal_with_none_is_registered(world: World, settings: Any) -> None:
    settings.ALERTS_KEY = b""
    with pytest.raises(Invalid, match="ALERTS_KEY"):
        registered()
    assert not Webhook.objects.exists()


def test_the_secret_is_shown_once_and_sealed(world: World) -> None:
    client = signed_in_client("ms.ward")
    entered = {"name": "Duty desk", "url": NOWHERE, "kinds": ["break-glass"]}
    shown = html.unescape(client.post("/alerts/webhooks/register", entered).content.decode())
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", shown)
    row = Webhook.objects.get()
    assert len(bytes(row.sealed_secret)) == 12 + 32 + 16
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(webhook)::text FROM webhook")
        assert secret.removeprefix("whsec_") not in cursor.fetchone()[0]
    for path in ("/alerts", "/alerts/webhooks", f"/alerts/webhooks/{row.id}/end", "/api/alerts/webhooks"):
        assert "whsec" not in client.get(path).content.decode()
    assert "whsec" not in "".join(bytes(event.body).decode() for event in AuditEvent.objects.all())


def test_a_registration_and_an_alert_are_never_changed(world: World) -> None:
    registered()
    broken(world)
    for statement in (
        "UPDATE webhook SET url = 'https://elsewhere.example'",
        "UPDATE alert SET kind = 'test'",
        "UPDATE alert_delivery SET recipient_id = gen_random_uuid()",
        "DELETE FROM webhook",
        "DELETE FROM alert_delivery",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_by_page_one_is_registered_tested_and_ended(world: World) -> None:
    client = signed_in_client("ms.ward")
    with receiver() as desk:
        wrong = client.post("/alerts/webhooks/register", {"name": "Desk", "url": "https://10.0.0.1/", "kinds": ["x"]})
        assert wrong.status_code == 400
        entered = {"name": "Duty desk", "url": desk.url, "kinds": ["break-glass", "self-claim"]}
        assert client.post("/alerts/webhooks/register", entered).status_code == 200
        webhook = Webhook.objects.get()
        assert (webhook.organisation, webhook.kinds) == (
            Organisation.objects.get(ods_code=HOSPITAL_ODS),
            ["break-glass", "self-claim"],
        )
        assert client.post(f"/alerts/webhooks/{webhook.id}/test").headers["Location"] == "/alerts"
        assert "Not told yet" in client.get("/alerts").content.decode()
        deliver()
        assert [posted.content["type"] for posted in desk.posted] == ["test"]
    assert "Duty desk</strong>, by webhook: told" in client.get("/alerts").content.decode()
    page = f"/alerts/webhooks/{webhook.id}/end"
    assert client.post(page, {"reason": ""}).status_code == 400
    assert client.post(page, {"reason": "Replaced."}).headers["Location"] == "/alerts/webhooks"
    assert client.get(page).status_code == 404
    assert "No webhook is told" in client.get("/alerts/webhooks").content.decode()


def test_a_programme_administrator_chooses_whose(world: World) -> None:
    client = signed_in_client("pa.ruiz")
    entered = {"name": "Desk", "url": NOWHERE, "kinds": ["break-glass"], "whose": "every"}
    assert client.post("/alerts/webhooks/register", entered).status_code == 200
    assert Webhook.objects.get().organisation is None
    entered |= {"whose": "one", "organisation_ods": HOSPITAL_ODS}
    assert client.post("/alerts/webhooks/register", entered).status_code == 200
    assert Webhook.objects.get(organisation__isnull=False).organisation.ods_code == HOSPITAL_ODS  # type: ignore[union-attr]
    others = signed_in_client("ms.ward").post("/alerts/webhooks/register", entered | {"whose": "every"})
    assert others.status_code == 200
    assert Webhook.objects.filter(organisation__isnull=True).count() == 1, "who may not choose is not heard"


def test_the_page_says_who_was_told_and_who_was_not(world: World) -> None:
    add_officer(email="")
    registered(name="Duty desk")
    access = broken(world)
    deliver(AlertMedium.EMAIL)
    deliver()
    with transaction.atomic():
        raise_alert(
            kind=AlertKind.SELF_CLAIM,
            subject_id=uuid4(),
            organisation_id=world.administrator.organisation_id,
            now=timezone.now(),
        )
    officer, administrator = signed_in_client(OFFICER), signed_in_client("ms.ward")
    for client in (officer, administrator):
        shown = client.get("/alerts").content.decode()
        assert "Rowan Hale</strong>, by email: <strong" in shown
        assert "the account has no email address; tried once" in shown
        assert "there was no connection; tried once" in shown
        assert "Nobody was told" not in shown, "that is another organisation's"
        assert (
            shown == client.get("/alerts?failing=yes").content.decode()
            or "Show all" in client.get("/alerts?failing=yes").content.decode()
        )
        for unknown in ("Joan", "Ferris", "Osei"):
            assert unknown not in shown
    link = f'href="/emergencies/{access.id}"'
    assert link in officer.get("/alerts").content.decode()
    assert link not in administrator.get("/alerts").content.decode(), "who may not look is not led there"
    assert 'href="/alerts"' in officer.get("/alerts").content.decode(), "it is in the bar"
    assert 'href="/alerts"' not in signed_in_client("dr.osei").get("/").content.decode()
    assert officer.get("/alerts/webhooks").status_code == 403
    everybody = signed_in_client("pa.ruiz").get("/alerts").content.decode()
    assert "Nobody was told" in everybody
    assert everybody.index("The Surgery") < everybody.index("Rowan Hale"), "the latest first"


def test_only_what_failed_is_listed_where_that_is_asked_for(world: World) -> None:
    registered(name="Duty desk")
    broken(world)
    ids: list[Any] = []
    for state in ("told", "tried", "nobody", "waits"):
        alert = Alert.objects.create(
            kind="test", subject_id=uuid4(), occasion=state, created_at=timezone.now(), organisation=None
        )
        ids.append(alert.id)
        if state != "nobody":
            is_told = state == "told"
            AlertDelivery.objects.create(
                alert=alert,
                medium="email",
                recipient_id=uuid4(),
                next_at=timezone.now(),
                state="delivered" if is_told else "waiting",
                ended_at=timezone.now() if is_told else None,
                fault="mail-server" if state == "tried" else "",
            )
    failing = list_alerts(requester=operator(), is_failing=True, now=timezone.now())
    assert [alert.id for alert in failing.alerts] == [ids[2], ids[1]]
    assert list_alerts(requester=operator(), now=timezone.now()).count == 5
    with pytest.raises(NotFound):
        list_alerts(requester=operator(), page=2, now=timezone.now())


def test_that_nothing_delivers_is_said(world: World) -> None:
    registered()
    broken(world)
    AlertDelivery.objects.update(next_at=timezone.now() - timedelta(seconds=110))
    client = signed_in_client("ms.ward")
    assert "Alerts are not being delivered" not in client.get("/alerts").content.decode()
    AlertDelivery.objects.update(next_at=timezone.now() - timedelta(seconds=130))
    assert "Alerts are not being delivered" in client.get("/alerts").content.decode()
    assert client.get("/api/alerts").json()["untried"] == 1
    assert "does upkeep run?" in said("list_alerts")
    for medium, untried in (("email", 1), ("webhook", 0)):
        busy = AlertDelivery.objects.create(
            alert=Alert.objects.get(),
            medium=medium,
            recipient_id=uuid4(),
            claim=uuid4(),
            next_at=timezone.now() + timedelta(seconds=60),
        )
        assert client.get("/api/alerts").json()["untried"] == untried, "by that medium it waits for its turn"
    AlertDelivery.objects.filter(id=busy.id).update(next_at=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/alerts").json()["untried"] == 1, "whoever had claimed it is gone"
    deliver()
    assert "Alerts are not being delivered" not in client.get("/alerts").content.decode()


def post(client: Client, path: str, body: object) -> Any:
    return client.post(f"/api/{path}", json.dumps(body), content_type="application/json")


def test_over_the_service_api_one_is_registered_tested_listed_and_ended(world: World) -> None:
    client = signed_in_client("ms.ward")
    new = {"name": "Duty desk", "url": NOWHERE, "kinds": ["break-glass"]}
    made = post(client, "alerts/webhooks", new)
    assert (made.status_code, made.json()["secret"][:6]) == (201, "whsec_")
    path = f"alerts/webhooks/{made.json()['id']}"
    assert post(client, f"{path}/test", {}).status_code == 202
    deliver()
    (alert,) = client.get("/api/alerts").json()["alerts"]
    assert alert["kind"] == "test"
    assert [(each["recipient"], each["state"], each["fault"]) for each in alert["deliveries"]] == [
        ("Duty desk", "waiting", "connection")
    ]
    (listed,) = client.get("/api/alerts/webhooks").json()
    assert (listed["id"], listed["url"], listed["ended_at"]) == (made.json()["id"], NOWHERE, None)
    assert post(client, f"{path}/end", {"reason": ""}).status_code == 400
    assert post(client, f"{path}/end", {"reason": "Replaced."}).status_code == 204
    assert post(client, f"{path}/end", {"reason": "Replaced."}).status_code == 409
    for wrong in ({"url": "https://10.0.0.1/"}, {"kinds": "break-glass"}, {"kinds": []}, {"secret": "x"}, {"name": 5}):
        assert post(client, "alerts/webhooks", new | wrong).status_code == 400
    assert post(client, "alerts/webhooks", new | {"every_organisation": True}).status_code == 403
    assert post(signed_in_client("dr.osei"), "alerts/webhooks", new).status_code == 403
    assert Webhook.objects.count() == 1


def test_by_command_one_is_registered_tested_listed_and_ended(world: World) -> None:
    with receiver() as desk:
        options = ("--name", "Duty desk", "--kind", "break-glass", "--kind", "self-claim")
        answer = said("webhooks", "register", desk.url, *options, "--ods", HOSPITAL_ODS)
        webhook = str(Webhook.objects.get().id)
        (secret,) = re.findall(rf"^{webhook} is registered\. Its secret is (whsec_\S+)\n$", answer)
        said("webhooks", "test", webhook)
        deliver()
        assert desk.posted[0].is_signed_with(secret)
    (line,) = json.loads(said("webhooks", "list", "--json"))
    assert (line["id"], line["kinds"], line["state"]) == (webhook, "break-glass self-claim", "is told")
    assert "delivered" in said("list_alerts")
    assert json.loads(said("list_alerts", "--failing", "--json"))["lines"] == []
    said("webhooks", "end", webhook, "--reason", "Replaced.")
    assert "ended" in said("webhooks", "list")
    for wrong in (
        ("register", "https://10.0.0.1/", *options, "--ods", HOSPITAL_ODS),
        ("end", webhook, "--reason", "Again."),
        ("test", "nonsense"),
    ):
        with pytest.raises(CommandError, match=r"^[A-Z].+ .+\.$"):
            said("webhooks", *wrong)


def test_an_address_is_kept_by_page_api_and_command(world: World) -> None:
    user = User.objects.get(username="dr.osei")
    client = signed_in_client("ms.lane")
    page = f"/users/{user.id}"
    assert "no alert can be sent" in client.get(page).content.decode()
    refused = client.post(f"{page}/email", {"email": "osei at surgery"})
    assert refused.status_code == 400
    assert "correct format" in refused.content.decode()
    assert client.post(f"{page}/email", {"email": " osei@surgery.example "}).headers["Location"] == page
    assert "osei@surgery.example" in client.get(page).content.decode()
    assert 'value="osei@surgery.example"' in client.get(f"{page}/email").content.decode()
    assert post(client, f"users/{user.id}/email", {"email": "b@surgery.example"}).status_code == 204
    assert client.get(f"/api/users/{user.id}").json()["user"]["email"] == "b@surgery.example"
    for wrong in ("b@\nsurgery.example", "x" * 250 + "@surgery.example", "@"):
        assert post(client, f"users/{user.id}/email", {"email": wrong}).status_code == 400
    said("set_email", "dr.osei", "")
    assert User.objects.get(id=user.id).email == ""
    with pytest.raises(CommandError):
        said("set_email", "nobody", ADDRESS)
    said(
        "add_user",
        "po.new",
        *("--family", "New"),
        *("--given", "Ned"),
        "--ods",
        SURGERY_ODS,
        "--role",
        "privacy-officer",
    )
    said("set_email", "po.new", ADDRESS)
    assert User.objects.get(username="po.new").email == ADDRESS
    assert "surgery.example" not in "".join(bytes(event.body).decode() for event in AuditEvent.objects.all())


def test_an_administrator_sends_no_officer_s_alerts_elsewhere(world: World) -> None:
    officer = add_officer()
    with pytest.raises(NotPermitted):
        set_email(requester=requester_named("ms.ward"), user_id=officer, email="", now=timezone.now())
    with pytest.raises(LongviewError):
        set_email(requester=world.administrator, user_id=officer, email="", now=timezone.now())
    assert "Change<span" not in signed_in_client("ms.ward").get(f"/users/{officer}").content.decode()
    set_email(requester=requester_named("pa.ruiz"), user_id=officer, email="new@hospital.example", now=timezone.now())
    assert User.objects.get(id=officer).email == "new@hospital.example"


def test_an_account_is_proposed_with_its_address_and_loaded_with_it(world: World, tmp_path: Any) -> None:
    client = signed_in_client("pa.ruiz")
    new = {"username": "dr.haddad", "given": "Noor", "family": "Haddad", "role": "clinician", "reason": "Starts."}
    assert post(client, "users/proposed", {**new, "email": "no address"}).status_code == 400
    proposed = post(client, "users/proposed", {**new, "email": "haddad@surgery.example"})
    second = signed_in_client("ms.lane")
    assert "haddad@surgery.example" in second.get("/changes").content.decode()
    assert post(second, f"changes/{proposed.json()['change']}/confirm", {}).status_code == 200
    assert User.objects.get(username="dr.haddad").email == "haddad@surgery.example"
    heading = "username,title,given,family,role,organisation_ods,from_date,until_date"
    line = f"dr.haddad,,Noor,Haddad,nurse,{SURGERY_ODS},,"
    (tmp_path / "without.csv").write_text(f"{heading}\n{line}\n")
    (tmp_path / "with.csv").write_text(f"{heading},email\n{line},h@surgery.example\nx,,A,B,nurse,{SURGERY_ODS},,,bad\n")
    said("load_users", str(tmp_path / "without.csv"), "--passwords", str(tmp_path / "p1"))
    assert User.objects.get(username="dr.haddad").email == "haddad@surgery.example"
    loaded = said("load_users", str(tmp_path / "with.csv"), "--passwords", str(tmp_path / "p2"), "--json")
    assert (json.loads(loaded)["recorded"], json.loads(loaded)["rejected"]) == (1, 1)
    assert User.objects.get(username="dr.haddad").email == "h@surgery.example"


def test_who_is_told_are_live_officers_there(world: World) -> None:
    officer = add_officer()
    add_officer(username="po.else", ods=SURGERY_ODS)
    (membership,) = User.objects.get(id=officer).memberships.all()
    Membership.objects.create(
        user_id=officer, organisation_id=membership.organisation_id, role=Role.PRIVACY_OFFICER, from_at=timezone.now()
    )
    broken(world)
    told = AlertDelivery.objects.filter(medium=AlertMedium.EMAIL, state=DeliveryState.WAITING)
    assert [row.recipient_id for row in told] == [officer]
