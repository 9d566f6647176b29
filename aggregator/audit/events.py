"""What an event in the audit says, and the bytes that are kept of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from aggregator.accounts.requester import Requester

# Stands in every body, so that a reader knows which keys to expect. A change of the keys below is another format.
BODY_FORMAT = 2


class Action(StrEnum):
    """What a service does. `words` complete the sentence "You may not ..."."""

    words: str

    def __new__(cls, value: str, words: str = "") -> Action:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    ADD_CARE_TEAM = "add-care-team", "add a care team"
    ADD_SOURCE = "add-source", "register a source"
    ADD_USER = "add-user", "create an account"
    CHANGE_RELATIONSHIP = "change-relationship", "change who cares for a patient"
    CHECK_CLIENT = "check-client", "check a system before it is registered"
    CHECK_SOURCES = "check-sources", "have sources checked now"
    CHECK_PROGRESS = "check-progress", "ask whether a record is complete"
    CHOOSE_MEMBERSHIP = "choose-membership", "choose in which role you act"
    CLAIM_RELATIONSHIP = "claim-relationship", "say that a patient is in your care"
    CLOSE_ACCOUNT = "close-account", "close an account"
    CONFIRM_CHANGE = "confirm-change", "confirm a change of somebody's access"
    END_BREAK_GLASS = "end-break-glass", "end emergency access to a record"
    END_CARE_TEAM = "end-care-team", "end a care team"
    END_CARE_TEAM_MEMBER = "end-care-team-member", "end somebody's place in a care team"
    END_CARE_TEAM_PATIENT = "end-care-team-patient", "end a care team's care for a patient"
    END_CLIENT = "end-client", "end the registration of a system"
    END_MEMBERSHIP = "end-membership", "end somebody's role"
    END_POLICY = "end-policy", "withdraw what a patient has decided about sharing"
    END_RELATIONSHIP = "end-relationship", "end who cares for a patient"
    END_USER_JOIN = "end-user-join", "end the join of an account to a person"
    END_REPORT_TOKEN = "end-report-token", "end the token with which a source reports"
    END_WEBHOOK = "end-webhook", "end a webhook"
    EXAMINE_ADDRESS = "examine-address", "examine whether a system keeps its standard"
    EXAMINE_SOURCE = "examine-source", "examine whether a source keeps its standard"
    EXPORT_AUDIT = "export-audit", "export the audit"
    FETCH_DOCUMENT = "fetch-document", "ask a source for a document"
    FIND_AUDIT_EVENTS = "find-audit-events", "search the audit at the FHIR interface"
    FIND_PERSON = "find-person", "search for people"
    ISSUE_TOKEN = "issue-token", "get an access token"
    JOIN_USER = "join-user", "join an account to the person whose it is"
    LIST_ACCESS = "list-access", "see who has access to a patient's record"
    LIST_ALERTS = "list-alerts", "see which alerts were sent"
    LIST_BREAK_GLASS = "list-break-glass", "see whose access is to be reviewed"
    LIST_CARE_TEAMS = "list-care-teams", "see the care teams"
    LIST_CHANGES = "list-changes", "see the changes of access that wait to be confirmed"
    LIST_CLIENTS = "list-clients", "see the registered systems"
    LIST_REACH = "list-reach", "see which patients a user can reach"
    LIST_RELATIONSHIPS = "list-relationships", "see who cares for a patient"
    LIST_REVIEWS = "list-reviews", "see the doubts about identity"
    LIST_SOURCES = "list-sources", "see the sources"
    LIST_USERS = "list-users", "see who has an account"
    LIST_WEBHOOKS = "list-webhooks", "see the webhooks"
    LOAD_IDENTITIES = "load-identities", "load the people that a source holds"
    LOAD_OBJECTIONS = "load-objections", "load the list of people who object to sharing"
    LOAD_RELATIONSHIPS = "load-relationships", "load which people an organisation cares for"
    LOAD_TERMINOLOGY = "load-terminology", "load what codes are sensitive"
    LOAD_CARE_TEAMS = "load-care-teams", "load a list of care teams"
    LOAD_USERS = "load-users", "load a list of users"
    MAKE_REPORT_TOKEN = "make-report-token", "make a token with which a source reports"
    OPEN_BREAK_GLASS = "open-break-glass", "open a record in an emergency"
    OPEN_RECORD = "open-record", "open a patient's record"
    PAUSE_SOURCE = "pause-source", "pause a source"
    PREPARE_BREAK_GLASS = "prepare-break-glass", "prepare to open a record in an emergency"
    PREPARE_CLAIM = "prepare-claim", "prepare to say that a patient is in your care"
    PREVIEW_ACCESS = "preview-access", "see what a user would see of a patient's record"
    PREVIEW_POLICY = "preview-policy", "see what a decision about sharing would mean"
    PROPOSE_CHANGE = "propose-change", "propose a change of somebody's access"
    READ_BREAK_GLASS = "read-break-glass", "see a case of access to be reviewed"
    READ_CARE_TEAM = "read-care-team", "see a care team"
    READ_CONSENT = "read-consent", "see what a patient has decided about sharing"
    READ_PERSON = "read-person", "see who a person is"
    READ_POLICY = "read-policy", "see one decision of a patient about sharing"
    READ_REVIEW = "read-review", "see a doubt about identity"
    READ_SOURCE = "read-source", "see how a source is"
    READ_TRIAL = "read-trial", "see how the trial of a source went"
    READ_USER = "read-user", "see somebody's account"
    RECORD_OPT_OUT = "record-opt-out", "record whether a patient objects to sharing"
    RECORD_POLICY = "record-policy", "record what a patient has decided about sharing"
    RECORD_RELATIONSHIP = "record-relationship", "record who cares for a patient"
    REGISTER_CLIENT = "register-client", "register a system"
    REGISTER_WEBHOOK = "register-webhook", "register a webhook"
    REJECT_CHANGE = "reject-change", "reject a change of somebody's access"
    REPORT_ACCESS = "report-access", "report who looked at a patient's record"
    REPORT_HEALTH = "report-health", "report how a source is"
    RESUME_SOURCE = "resume-source", "have a source asked again"
    REVIEW_BREAK_GLASS = "review-break-glass", "review somebody's access to a record"
    SAVE_TRIED_SOURCE = "save-tried-source", "register a source that has been tried"
    SEARCH_AUDIT = "search-audit", "search the audit"
    CHANGE_NAME = "change-name", "change the name of an account"
    SET_EMAIL = "set-email", "say where alerts to somebody are sent"
    SETTLE_REVIEW = "settle-review", "settle a doubt about identity"
    SIGN_IN = "sign-in", "sign in"
    SIGN_OUT = "sign-out", "sign out"
    TAKE_BACK_REVIEW = "take-back-review", "take back how a doubt about identity was settled"
    TRY_NEW_SOURCE = "try-new-source", "try a source before it is registered"
    TRY_SOURCE = "try-source", "try a source"
    TRY_WEBHOOK = "try-webhook", "send a test to a webhook"
    UNDO_OBJECTIONS = "undo-objections", "take back a list of people who object to sharing"
    VIEW_RECORD = "view-record", "view a patient's record"


class EventOutcome(StrEnum):
    """How an act ended. Source: FHIR AuditEvent.outcome, of which these are success, minor and serious failure."""

    SUCCESS = "success"
    REFUSED = "refused"  # the requester may not, or may not know whether it exists
    FAILED = "failed"  # what was asked for makes no sense, or no longer does


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What an act is about, as far as it is about a single one of these. `entry` is the key of a record's entry."""

    person_id: UUID | None = None
    source_id: UUID | None = None
    retrieval_id: UUID | None = None
    entry: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One act, refusal or failure. `detail` holds ids, codes and counts; never a name, an NHS number or anything
    clinical."""

    requester: Requester
    action: Action
    outcome: EventOutcome = EventOutcome.SUCCESS
    subject: Subject = field(default_factory=Subject)
    detail: Mapping[str, Any] = field(default_factory=dict)


def canonical_bytes(*, event: Event) -> bytes:
    """Return an event as the bytes that are kept, and sealed: the same event always gives the same bytes.

    Shape: one JSON object with all keys, in alphabetical order, UTF-8, no white space.
    Source: IHE Basic Audit Log Patterns; purpose codes of HL7 v3-ActReason.
    Raises: TypeError or ValueError for a detail that JSON has no single form for.
    """
    subject, requester = event.subject, event.requester
    body = {
        "action": event.action,
        "client": requester.client_id,
        "detail": event.detail,
        "entry": subject.entry,
        "format": BODY_FORMAT,
        "membership": requester.membership_id,
        "organisation": requester.organisation_ods,
        "outcome": event.outcome,
        "person": subject.person_id,
        "purpose": requester.purpose,
        "retrieval": subject.retrieval_id,
        "role": requester.role,
        "source": subject.source_id,
        "user": requester.user_id,
    }
    text = json.dumps(
        body, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_plain
    )
    return text.encode()


def _as_plain(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"the audit keeps no {type(value).__name__}")
