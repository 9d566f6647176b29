"""Looking back: an officer searches the audit, and a patient reads who looked."""

from __future__ import annotations

import html
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from fhir.resources.R4B.bundle import Bundle

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.audit.events import Action
from aggregator.audit.models import AuditEvent
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.audit.report_access import report_access
from aggregator.services.break_glass.end_break_glass import end_break_glass
from tests.break_glass_acts import broken, reviewed
from tests.world import (
    HOSPITAL_ODS,
    JOAN_NUMBER,
    PASSWORD,
    PETER_NUMBER,
    SURGERY_ODS,
    World,
    make_world,
    signed_in_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    made = make_world()
    for username, role, ods in (
        ("ms.officer", Role.PRIVACY_OFFICER, SURGERY_ODS),
        ("mr.elsewhere", Role.PRIVACY_OFFICER, HOSPITAL_ODS),
        ("ms.auditor", Role.AUDITOR, HOSPITAL_ODS),
    ):
        new = NewUser(username=username, password=PASSWORD, family="Lund", given="Per", organisation_ods=ods, role=role)
        add_user(requester=operator(), user=new, now=timezone.now())
    return made


def search(client: Client, **entered: str) -> str:
    answer = client.post("/audit", entered)
    assert answer.status_code == 200, answer.status_code
    return html.unescape(answer.content.decode())


def opened(world: World) -> None:
    clinician = signed_in_client("dr.osei")
    clinician.get(clinician.post(f"/people/{world.joan}/record").headers["Location"])


def test_an_officer_finds_what_was_done_and_leaves_an_event_of_their_own(world: World) -> None:
    opened(world)
    officer = signed_in_client("ms.officer")
    found = search(officer, nhs_number=JOAN_NUMBER, action="view-record", username="dr.osei", outcome="success")
    assert "FERRIS, Joan" in found
    assert "View a patient's record" in found
    assert "Ama Osei" in found
    own = AuditEvent.objects.filter(action=Action.SEARCH_AUDIT).latest("seq")
    assert (own.person_id, own.detail["action"]) == (world.joan, "view-record")
    assert JOAN_NUMBER not in bytes(own.body).decode()
    assert "Search the audit" in search(officer, action="search-audit")


def test_each_condition_leaves_out_what_does_not_meet_it(world: World) -> None:
    opened(world)
    officer = signed_in_client("ms.officer")
    found = {"nhs_number": JOAN_NUMBER, "action": "view-record"}
    today = timezone.localdate()
    assert "Nothing matches." not in search(officer, **found, first_day=str(today), last_day=str(today))
    for other in (
        {"outcome": "refused"},
        {"purpose": "HOPERAT"},
        {"username": "ms.lane"},
        {"nhs_number": PETER_NUMBER},
        {"last_day": str(today - timedelta(days=1))},
        {"first_day": str(today + timedelta(days=1))},
    ):
        assert "Nothing matches." in search(officer, **{**found, **other})


def test_a_search_may_reach_from_the_first_day_that_there_is_to_the_last(world: World) -> None:
    opened(world)
    found = search(signed_in_client("ms.officer"), action="view-record", first_day="0001-01-01", last_day="9999-12-31")
    assert "Nothing matches." not in found


def test_an_officer_sees_their_own_organisation_and_their_patients_wherever_they_were_looked_at(world: World) -> None:
    opened(world)
    signed_in_client("dr.far").post(f"/people/{world.joan}/record")
    elsewhere, officer, auditor = (signed_in_client(name) for name in ("mr.elsewhere", "ms.officer", "ms.auditor"))
    assert "Nothing matches." in search(elsewhere, action="view-record")
    assert "Refused" in search(elsewhere, action="open-record")
    assert HOSPITAL_ODS not in search(officer, action="open-record")
    assert HOSPITAL_ODS in search(officer, action="open-record", nhs_number=JOAN_NUMBER)
    assert "Ama Osei" in search(auditor, action="view-record", organisation_ods=SURGERY_ODS)


def test_older_events_are_a_page_away(world: World) -> None:
    officer = signed_in_client("ms.officer")
    for _ in range(3):
        search(officer, action="search-audit")
    last = AuditEvent.objects.filter(action=Action.SEARCH_AUDIT).latest("seq").seq
    assert "Nothing matches." not in search(officer, action="search-audit", before=str(last))
    assert "Nothing matches." in search(officer, action="search-audit", before="1")


@pytest.mark.parametrize(
    "entered",
    [
        {"nhs_number": "1"},
        {"nhs_number": "9990009999"},
        {"username": "nobody"},
        {"action": "anything"},
        {"purpose": "BTG'"},
        {"outcome": "\x00"},
        {"first_day": "soon"},
        {"first_day": "2026-02-02", "last_day": "2026-02-01"},
        {"before": "-1"},
        {"before": "9" * 30},
    ],
)
def test_what_cannot_be_searched_for_is_said(world: World, entered: dict[str, str]) -> None:
    answer = signed_in_client("ms.officer").post("/audit", entered)
    assert answer.status_code == 400
    said = html.unescape(answer.content.decode())
    assert "None" not in said
    if "last_day" in entered:
        assert "The last day must not be before the first" in said


def test_no_address_holds_what_is_searched_for(world: World) -> None:
    officer = signed_in_client("ms.officer")
    assert officer.get("/audit").status_code == 200
    shown = html.unescape(officer.get(f"/audit?nhs_number={PETER_NUMBER}&action=view-record").content.decode())
    assert PETER_NUMBER not in shown


def test_a_patient_reads_who_looked_when_and_why(world: World) -> None:
    began = timezone.now()
    opened(world)
    with time_machine.travel(began + timedelta(minutes=2)):
        opened(world)
    signed_in_client("dr.far").post(f"/people/{world.joan}/record")  # refused: shows nothing
    page = html.unescape(signed_in_client("ms.lane").get(f"/people/{world.joan}/access-report").content.decode())
    assert page.count("Opened your record, for your care") == 2
    assert "Ama Osei" in page
    assert "clinician, The Surgery" in page
    assert HOSPITAL_ODS not in page
    assert f"{began.astimezone(timezone.get_current_timezone()):%B %Y}" in page


def test_the_report_by_command_and_the_whole_audit_as_fhir(world: World, tmp_path: Path) -> None:
    opened(world)
    out = StringIO()
    call_command("access_report", str(world.joan), "--json", stdout=out)
    assert {line["what"] for line in json.loads(out.getvalue())} == {"opened your record"}
    call_command("access_report", str(world.nobodys), stdout=out)
    with pytest.raises(CommandError):
        call_command("access_report", str(uuid4()), stdout=out)
    exported = tmp_path / "audit.ndjson"
    today = str(timezone.localdate())
    call_command("export_audit", str(exported), "--first-day", today, "--last-day", today, stdout=out)
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    assert {line["resourceType"] for line in lines} == {"AuditEvent"}
    assert any(line["subtype"][1]["code"] == "export-audit" for line in lines)
    assert exported.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="cannot be made"):
        call_command("export_audit", str(exported), stdout=out)


def entries(client: Client, query: str) -> list[dict[str, Any]]:
    answer = client.get(f"/fhir/AuditEvent{query}")
    assert answer.status_code == 200, answer.content
    bundle = answer.json()
    Bundle.model_validate(bundle)
    return [entry["resource"] for entry in bundle["entry"]]


def test_another_system_of_an_officer_finds_the_same_by_fhir(world: World) -> None:
    opened(world)
    officer = signed_in_client("ms.officer")
    about = entries(officer, f"?patient=Patient/{world.joan}&agent={world.clinician.user_id}")
    assert {event["subtype"][1]["code"] for event in about} == {"open-record", "view-record"}
    today, tomorrow = timezone.localdate(), timezone.localdate() + timedelta(days=1)
    assert entries(officer, f"?patient={world.joan}&date=ge{today}&date=lt{tomorrow}")
    assert entries(officer, f"?patient={world.joan}&date=ge{tomorrow}T00:00:00Z") == []
    first = officer.get(f"/fhir/AuditEvent?patient={world.joan}&_count=1").json()
    (following,) = [link["url"] for link in first["link"] if link["relation"] == "next"]
    assert len(entries(officer, f"?{following.partition('?')[2]}")) == 1
    form = {"patient": str(world.joan)}
    posted = officer.post("/fhir/AuditEvent/_search", urlencode(form), content_type="application/x-www-form-urlencoded")
    assert posted.json()["entry"]
    assert entries(signed_in_client("mr.elsewhere"), f"?patient={world.joan}&agent={world.clinician.user_id}") == []


def test_emergencies_are_found_as_security_alerts_however_they_end(world: World) -> None:
    cache.clear()  # of failures that other tests counted
    browser = signed_in_client("dr.osei")
    form = {"reason": "unconscious", "note": "Brought in by ambulance.", "password": PASSWORD}
    emergency = f"/people/{world.joan}/emergency"
    assert browser.post(emergency, {**form, "password": "wrong"}).status_code == 400
    assert browser.post(emergency, form).status_code == 302
    assert browser.post("/sign-out").status_code == 302
    access = broken(world, by=world.clinician)
    end_break_glass(requester=world.clinician, access_id=access.id, now=timezone.now())
    verdict = broken(world, by=world.clinician)
    reviewed(world, verdict.id, by=operator(), verdict="not-appropriate")
    officer = signed_in_client("ms.officer")
    own = entries(officer, f"?type=http://dicom.nema.org/resources/ontology/DCM|110113&patient={world.joan}")
    assert entries(officer, "?type=110113") == own
    assert [(each["subtype"][0]["code"], each["subtype"][1]["code"], each["outcome"]) for each in own] == [
        ("110127", "open-break-glass", "0"),
        ("110138", "end-break-glass", "0"),
        ("110127", "open-break-glass", "0"),
        ("110138", "sign-out", "0"),
        ("110127", "open-break-glass", "0"),
        ("110127", "open-break-glass", "4"),
    ]
    purposes = {each["purposeOfEvent"][0]["coding"][0]["code"] for each in own if each["outcome"] == "0"}
    assert purposes == {"BTG"}
    # The verdict was an operator's, who acts for no organisation: an auditor sees all.
    assert len(entries(signed_in_client("ms.auditor"), "?type=110113")) == len(own) + 1
    report = report_access(requester=world.administrator, person_id=world.joan, now=timezone.now())
    closed = [look.break_glass for look in report.looks if look.words == "closed your record"]
    assert closed == ["unconscious", "unconscious"]


@pytest.mark.parametrize(
    "query",
    ["?patient=x", "?agent=x", "?date=2026-01-01", "?date=ge2026-13-01", "?date=ge2026-01-01&date=ge2026-01-02",
     "?_count=0", "?_count=x", "?before=-1", "?action=R", "?patient=&patient=", "?_include=AuditEvent:patient",
     "?type=rest", "?type=110114"],
)  # fmt: skip
def test_another_search_is_refused_in_words(world: World, query: str) -> None:
    answer = signed_in_client("ms.officer").get(f"/fhir/AuditEvent{query}")
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")


def test_the_next_page_of_a_search_comes_in_the_format_that_was_asked_for(world: World) -> None:
    opened(world)
    officer = signed_in_client("ms.officer")
    browser = {"Accept": "text/html"}
    form = f"patient={world.joan}&_count=1&_format=json&_pretty=true"
    kind = "application/x-www-form-urlencoded"
    for first in (
        officer.get(f"/fhir/AuditEvent?{form}", headers=browser),
        officer.post("/fhir/AuditEvent/_search", form, content_type=kind),
    ):
        links = {link["relation"]: link["url"] for link in first.json()["link"]}
        assert "_format=json" in links["self"]
        following = f"/fhir/AuditEvent?{links['next'].partition('?')[2]}"
        assert officer.get(following, headers=browser).status_code == 200
    plain = officer.get(f"/fhir/AuditEvent?patient={world.joan}&_format=").json()
    assert not any("_format" in link["url"] for link in plain["link"])
