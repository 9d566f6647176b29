"""What an alert tells, by which medium, and how its delivery can end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from aggregator.accounts.roles import Permission

# For how long a delivery is tried. After that somebody has to look why.
GIVEN_UP_AFTER = timedelta(days=3)
# What should have been tried by now, at the latest: within two minutes the schedule has come round eight times.
OVERDUE_AFTER = timedelta(minutes=2)


class AlertKind(StrEnum):
    """What an alert tells.

    `words` are the alert as a sentence without its full stop, and `path` the page to look at. `told`: who is told by
    email, those with this permission at the organisation; None: nobody, as for a test of a webhook.
    """

    words: str
    path: str
    told: Permission | None

    def __new__(cls, value: str, words: str = "", path: str = "", told: Permission | None = None) -> AlertKind:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words, member.path, member.told = words, path, told
        return member

    BREAK_GLASS = (
        "break-glass",
        "a record was opened in an emergency, and waits for review",
        "/emergencies/{subject}",
        Permission.REVIEW_BREAK_GLASS,
    )
    SELF_CLAIM = (
        "self-claim",
        "somebody has said that a patient is in their care, which waits for review",
        "/emergencies/{subject}",
        Permission.REVIEW_BREAK_GLASS,
    )
    SOURCE_DOWN = "source-down", "a source is down", "/sources/{subject}", Permission.OPERATE_SOURCES
    SOURCE_DEGRADED = (
        "source-degraded",
        "a source does not work as it should",
        "/sources/{subject}",
        Permission.OPERATE_SOURCES,
    )
    SOURCE_SILENT = (
        "source-silent",
        "a source has not sent the report that is due",
        "/sources/{subject}",
        Permission.OPERATE_SOURCES,
    )
    SOURCE_UP = "source-up", "a source is up again", "/sources/{subject}", Permission.OPERATE_SOURCES
    OWN_NETWORK = (
        "own-network",
        "hardly any source can be reached, which is most likely a fault of this service's own network",
        "/sources",
        Permission.OPERATE_SOURCES,
    )
    OWN_CREDENTIALS = (
        "own-credentials",
        "a source, or several, cannot be asked, since this service's own credentials are missing or cannot be used",
        "/sources",
        Permission.OPERATE_SOURCES,
    )
    TEST = "test", "this is a test: nothing waits", "/alerts"

    @property
    def is_registrable(self) -> bool:
        """Whether a webhook can be registered for it."""
        return self.told is not None

    def path_of(self, *, subject_id: UUID) -> str:
        """Return the path of the page about a subject."""
        return self.path.format(subject=subject_id)


class AlertMedium(StrEnum):
    """By what somebody is told. `words` complete the sentence "Told ..."."""

    words: str

    def __new__(cls, value: str, words: str = "") -> AlertMedium:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    EMAIL = "email", "by email"
    WEBHOOK = "webhook", "by webhook"


class DeliveryState(StrEnum):
    """How far a delivery has come. `words` are for people."""

    words: str

    def __new__(cls, value: str, words: str = "") -> DeliveryState:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    WAITING = "waiting", "not told yet"
    DELIVERED = "delivered", "told"
    GIVEN_UP = "given-up", "could not be told"


class DeliveryFault(StrEnum):
    """Why an attempt failed. `words` complete the sentence "It failed because ...". `is_final`: trying again is no use.

    Nothing that a receiver or a mail server says is kept: only which of these it was.
    """

    words: str
    is_final: bool

    def __new__(cls, value: str, words: str = "", is_final: bool = False) -> DeliveryFault:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words, member.is_final = words, is_final
        return member

    NO_ADDRESS = "no-address", "the account has no email address"
    NO_MAIL_SERVER = "no-mail-server", "this service has no mail server"
    MAIL_SERVER = "mail-server", "the mail server could not be reached"
    MAIL_REFUSED = "mail-refused", "the mail server did not take the message"
    NO_LONGER_TOLD = "no-longer-told", "the user no longer has that role there", True
    WEBHOOK_ENDED = "webhook-ended", "the webhook has been ended", True
    SECRET = "secret", "the secret of the webhook cannot be read: register it again"
    ADDRESS = "address", "the address leads to where no webhook may be"
    CONNECTION = "connection", "there was no connection"
    TLS = "tls", "the certificate or the encryption was not accepted"
    TIMED_OUT = "timed-out", "there was no answer in time"
    REDIRECT = "redirect", "the answer led to another address, which is not followed"
    STATUS = "status", "the answer was not a success"
    BAD_ANSWER = "bad-answer", "the answer could not be read"
    OUR_FAULT = "our-fault", "something went wrong on our side"


class CannotTell(Exception):
    """An attempt failed, and why."""

    def __init__(self, fault: DeliveryFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, kw_only=True)
class Told:
    """An alert, as it is told to anybody: what, about which subject, and since when."""

    alert_id: UUID
    kind: AlertKind
    subject_id: UUID
    organisation_id: UUID | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One delivery that this process alone attempts, until its lease is over. `attempts` counts this one."""

    delivery_id: UUID
    claim_id: UUID
    medium: AlertMedium
    recipient_id: UUID
    attempts: int
    told: Told


@dataclass(frozen=True, kw_only=True)
class NewWebhook:
    """A webhook to register. `organisation_ods` "": the requester's own; `kinds` are codes of AlertKind.

    `is_for_every_organisation`: it is told of every organisation's alerts.
    """

    name: str
    url: str
    kinds: tuple[str, ...]
    organisation_ods: str = ""
    is_for_every_organisation: bool = False
