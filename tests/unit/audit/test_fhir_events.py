"""Events as FHIR AuditEvents: valid, and saying what the trail says and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import Role
from aggregator.audit.events import Action, EventOutcome
from aggregator.audit.fhir_events import DCM, audit_event
from aggregator.audit.looked_for import TrailEvent
from aggregator.audit.looks import OPENED, OTHER_WORDS, looks

BASE = "https://record.example/fhir"
USER, PERSON, RETRIEVAL, SOURCE = (UUID(int=number) for number in range(1, 5))
EVENT = TrailEvent(
    seq=7,
    at=datetime(2026, 11, 26, 12, 0, tzinfo=UTC),
    action=Action.VIEW_RECORD,
    outcome=EventOutcome.SUCCESS,
    user_id=USER,
    client_id=None,
    organisation_ods="X99101",
    role=Role.CLINICIAN,
    purpose=PurposeOfUse.TREATMENT,
    person_id=PERSON,
    source_id=None,
    retrieval_id=RETRIEVAL,
    entry=None,
    detail={"items": 3},
)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("outcome", EventOutcome)
def test_every_event_is_a_valid_audit_event(action: Action, outcome: EventOutcome) -> None:
    for event in (
        replace(EVENT, action=action, outcome=outcome),
        replace(EVENT, action=action, outcome=outcome, user_id=None, client_id=USER, source_id=SOURCE, entry="ab"),
        replace(EVENT, action=action, outcome=outcome, user_id=None, organisation_ods="", person_id=None),
    ):
        resource = audit_event(event=event, base=BASE)
        AuditEvent.model_validate(resource)
        assert resource["subtype"][1]["code"] == action
        assert sum(agent["requestor"] for agent in resource["agent"]) == 1


def test_it_says_who_where_why_and_about_whom() -> None:
    resource = audit_event(event=EVENT, base=BASE)
    assert resource["agent"][0]["who"]["identifier"]["value"] == str(USER)
    assert resource["agent"][0]["purposeOfUse"][0]["coding"][0]["code"] == "TREAT"
    assert resource["agent"][1]["who"]["identifier"]["value"] == "X99101"
    assert resource["entity"][0]["what"]["reference"] == f"{BASE}/Patient/{PERSON}"
    assert (resource["action"], resource["outcome"]) == ("R", "0")
    refused = replace(EVENT, outcome=EventOutcome.REFUSED, detail={"code": "refused-relationship"})
    told = audit_event(event=refused, base=BASE)
    assert (told["outcome"], told["outcomeDesc"]) == ("4", "refused-relationship")


# Beside those whose name begins with read, prepare, preview or list.
READ = {"check-client", "check-progress", "export-audit", "fetch-document", "open-record", "report-access"}
SEARCHED = {"find-audit-events", "find-person", "search-audit"}


@pytest.mark.parametrize("action", Action)
def test_who_only_looks_is_not_told_to_have_written(action: Action) -> None:
    told = audit_event(event=replace(EVENT, action=action), base=BASE)
    kind = action.value.partition("-")[0]
    if action in READ or kind in {"read", "prepare", "preview", "view"}:
        assert (told["action"], told["subtype"][0]["code"]) == ("R", "read")
    elif action in SEARCHED or kind == "list":
        assert (told["action"], told["subtype"][0]["code"]) == ("E", "search-type")
    elif kind in {"sign"} or ("break-glass" in action and kind in {"open", "end"}):
        assert told["action"] == "E"
    else:
        assert told["action"] == "C"


BROKEN = replace(
    EVENT,
    action=Action.OPEN_BREAK_GLASS,
    purpose=PurposeOfUse.BREAK_GLASS,
    retrieval_id=None,
    detail={"break_glass": str(SOURCE), "reason": "unconscious", "expires_at": "x", "for_review": True},
)
ENDED = {"end-of": "break-glass", "id": str(SOURCE), "at": "x"}


def told(event: TrailEvent) -> dict[str, Any]:
    resource = audit_event(event=event, base=BASE)
    AuditEvent.model_validate(resource)
    return resource


def test_that_an_emergency_starts_is_a_security_alert_with_its_purpose_patient_and_reason() -> None:
    resource = told(BROKEN)
    assert resource["type"] == {"system": DCM, "code": "110113", "display": "Security Alert"}
    assert resource["subtype"][0] == {"system": DCM, "code": "110127", "display": "Emergency Override Started"}
    assert (resource["action"], resource["outcome"]) == ("E", "0")
    for purposes in (resource["purposeOfEvent"], resource["agent"][0]["purposeOfUse"]):
        assert purposes[0]["coding"][0]["code"] == "BTG"
    patient, access = resource["entity"]
    assert patient["what"]["reference"].endswith(str(PERSON))
    assert access["what"]["identifier"] == {"system": "urn:longview:break-glass", "value": str(SOURCE)}
    assert access["detail"] == [{"type": "reason", "valueString": "unconscious"}]
    assert told(replace(BROKEN, outcome=EventOutcome.REFUSED, detail={"code": "password"}))["outcome"] == "4"


@pytest.mark.parametrize(
    ("action", "detail"),
    [
        (Action.END_BREAK_GLASS, {"break_glass": str(SOURCE), "reason": "unconscious", **ENDED}),
        (Action.REVIEW_BREAK_GLASS, {"verdict": "not-appropriate", **ENDED}),
        (Action.SIGN_OUT, {"break_glass": str(SOURCE), "reason": "unconscious", **ENDED}),
        (Action.CHOOSE_MEMBERSHIP, ENDED),
    ],
)
def test_that_it_ends_is_one_too_by_whatever_act(action: Action, detail: dict[str, str]) -> None:
    resource = told(replace(BROKEN, action=action, detail=detail))
    assert resource["type"]["code"] == "110113"
    assert resource["subtype"][0] == {"system": DCM, "code": "110138", "display": "Emergency Override Stopped"}
    assert resource["subtype"][1]["code"] == action
    assert resource["entity"][1]["what"]["identifier"]["value"] == str(SOURCE)


@pytest.mark.parametrize(
    ("action", "detail", "kind"),
    [
        (Action.SIGN_OUT, {}, "110114"),
        (
            Action.REVIEW_BREAK_GLASS,
            {"verdict": "not-appropriate", "end-of": "relationship", "id": str(SOURCE)},
            "rest",
        ),
        (Action.VIEW_RECORD, {"break_glass": str(SOURCE), "reason": "unconscious"}, "rest"),
        (Action.PREPARE_BREAK_GLASS, {}, "rest"),
    ],
)
def test_what_neither_starts_nor_ends_one_is_no_alert(action: Action, detail: dict[str, str], kind: str) -> None:
    assert told(replace(BROKEN, action=action, detail=detail))["type"]["code"] == kind


def later(event: TrailEvent, seconds: int, **changed: object) -> TrailEvent:
    at = datetime.fromtimestamp(event.at.timestamp() + seconds, tz=UTC)
    return replace(event, seq=event.seq + seconds, at=at, **changed)  # type: ignore[arg-type]


def test_a_record_that_was_open_is_one_look_from_its_first_page_to_its_last() -> None:
    opened = replace(EVENT, action=Action.OPEN_RECORD)
    (look,) = looks(events=[opened, later(EVENT, 5), later(EVENT, 60, action=Action.FETCH_DOCUMENT)])
    assert (look.words, look.why, look.user_id) == (OPENED, "for your care", USER)
    assert (look.last_at - look.first_at).total_seconds() == 60


def test_each_other_act_is_one_and_what_was_refused_showed_nothing() -> None:
    found = looks(
        events=[
            EVENT,
            later(EVENT, 1, outcome=EventOutcome.REFUSED, retrieval_id=None),
            later(EVENT, 2, action=Action.FIND_PERSON, retrieval_id=None),
            later(EVENT, 3, action=Action.FIND_PERSON, retrieval_id=None),
            later(EVENT, 4, retrieval_id=UUID(int=9)),
            later(EVENT, 5, action="an act of a later version", purpose="XYZ", retrieval_id=None),
        ]
    )
    assert [look.words for look in found] == [
        OTHER_WORDS,
        OPENED,
        "found you in a search by name or NHS number",
        "found you in a search by name or NHS number",
        OPENED,
    ]
    assert found[0].why == "for a reason that this service does not know"
