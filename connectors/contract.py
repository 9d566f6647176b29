"""The promise between the service and every connector: a Query goes in, a Reply comes out, or a SourceError is raised.

    SourceError
     +-- UnknownPatient     the source does not know this patient
     +-- Refused            the source would not release the record (reason says why)
     +-- TimedOut           no whole answer inside the time limit
     +-- Unreachable        no connection, or the source says that it is not able to answer now
     +-- Malformed          an answer came that cannot be used (reason says why)
     +-- NotAsked           the guard says that this source may not be called now

No message of these errors holds a name, an NHS number, an address or anything that the source sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol
from uuid import UUID

from connectors.outcomes import Outcome, Reason

if TYPE_CHECKING:
    from connectors.transport import Transport

NHS_NUMBER_SYSTEM = "https://fhir.nhs.uk/Id/nhs-number"
# The one that UK Core names, and those that older systems still send: a stranger's number is one under any of them.
_NHS_NUMBER_SYSTEMS = frozenset(
    {
        NHS_NUMBER_SYSTEM.casefold(),
        NHS_NUMBER_SYSTEM.casefold().replace("https:", "http:"),
        "http://fhir.nhs.net/id/nhs-number",
        "https://fhir.nhs.net/id/nhs-number",
        "urn:oid:2.16.840.1.113883.2.1.4.1",
    }
)


def is_nhs_number_system(system: str, /) -> bool:
    """Whether an identifier of this system is an NHS number, whatever its letter case or a slash at its end."""
    return system.rstrip("/").casefold() in _NHS_NUMBER_SYSTEMS


class RecordCategory(StrEnum):
    """The kinds of content in a record, as a section of the page and a unit of consent. Each item is in exactly one."""

    ALERTS = "alerts"
    ALLERGIES = "allergies"
    MEDICATIONS = "medications"
    PROBLEMS = "problems"
    ENCOUNTERS = "encounters"
    RESULTS = "results"
    OBSERVATIONS = "observations"
    PROCEDURES = "procedures"
    IMMUNISATIONS = "immunisations"
    DOCUMENTS = "documents"
    CARE_PLANS = "care-plans"
    REFERRALS = "referrals"
    APPOINTMENTS = "appointments"
    HISTORY = "history"  # family and social history
    OTHER = "other"  # clinical content of a type that has no section of its own
    SUPPORTING = "supporting"  # organisations, practitioners, places, medicines: what other items point to

    @property
    def is_clinical(self) -> bool:
        """Whether items of this category say something of the patient."""
        return self is not RecordCategory.SUPPORTING


CLINICAL_CATEGORIES = frozenset(category for category in RecordCategory if category.is_clinical)


class SourceError(Exception):
    """A source's failure: how it ended and, where it says more than that, why. Both stand in `connectors.outcomes`."""

    outcome: ClassVar[Outcome] = Outcome.FAILED

    def __init__(self, reason: Reason | None = None) -> None:
        super().__init__(f"{self.outcome}: {reason}" if reason else str(self.outcome))
        self.reason = reason


class UnknownPatient(SourceError):
    outcome = Outcome.UNKNOWN_PATIENT


class Refused(SourceError):
    outcome = Outcome.REFUSED


class TimedOut(SourceError):
    outcome = Outcome.TIMED_OUT


class Unreachable(SourceError):
    outcome = Outcome.UNREACHABLE


class Malformed(SourceError):
    outcome = Outcome.MALFORMED


class WrongPatient(Malformed):
    """The answer is about somebody else. `disagrees` names what shows it: nhs_number, birth_date, sex, name, given, or
    identifier when the source's own identifier is not the one asked for."""

    def __init__(self, *, disagrees: tuple[str, ...]) -> None:
        super().__init__(Reason.WRONG_PATIENT)
        self.disagrees = disagrees


class NotAsked(SourceError):
    outcome = Outcome.NOT_ASKED


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """A business identifier: FHIR `Identifier.system` and `.value`."""

    system: str
    value: str


@dataclass(frozen=True, kw_only=True)
class SourceAddress:
    """Where one source is and how it is spoken to.

    `options` are the kind's own settings, such as GP Connect's `to_asid`; each kind's README lists them.
    """

    source_id: str
    base_url: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """The human on whose behalf a source is asked; GP Connect's token must name one, who may be no system user."""

    user_id: str
    family: str
    given: str
    prefix: str = ""
    sds_user_id: str = ""  # national identity, empty for a local account
    sds_role_profile_id: str = ""
    organisation_ods: str
    organisation_name: str


# Who asks when nobody does: a source is tried, and no patient is named.
NOBODY = Asker(user_id="none", family="None", given="None", organisation_ods="", organisation_name="")


@dataclass(frozen=True, kw_only=True)
class Query:
    """What one source is asked.

    `local_identifiers` are the identifiers under which this source itself holds the patient, best first.
    `deadline` is an absolute time of the running event loop (`loop.time()`), in seconds.
    """

    local_identifiers: tuple[Identifier, ...]
    categories: frozenset[RecordCategory]
    asker: Asker
    deadline: float
    correlation_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReceivedItem:
    """One resource of an answer, as FHIR R4.

    `resource` is R4 JSON: the source's own bytes where it speaks R4, else their translation, and then `original` holds
    the bytes as sent. `notes` name what the translation could not carry. `incidental` marks an item that the source
    linked but that does not answer the question asked (GP Connect's secondary lists). `translated` is False for an
    item kept as sent because its kind has no translation yet: `resource` is then not R4 and is only counted.
    `full_url` is the address that its entry went by in the answer, "" for none: it decides what references mean.
    `subject_references` are the references in it that were found to mean the answer's own subject, as they stand in
    `resource`; `names_no_patient` is True for one of the Patient compartment that does not say whose it is.
    """

    category: RecordCategory
    resource: bytes
    original: bytes | None = None
    notes: tuple[str, ...] = ()
    incidental: bool = False
    translated: bool = True
    full_url: str = ""
    subject_references: tuple[str, ...] = ()
    names_no_patient: bool = False


# The reason of an entry that names somebody else, or that nothing shows to be the patient's.
OTHER_PATIENT = "other-patient"


@dataclass(frozen=True, kw_only=True)
class QuarantinedEntry:
    """An entry that could not be used, set aside whole. `reason` is a code (`invalid`, `bad-number`, `duplicate-key`,
    `bad-text`, `unknown-type`, `too-deep`, `other-patient`, ...); `detail` names fields, never values."""

    reason: str
    detail: str
    original: bytes
    category: RecordCategory | None = None  # None: not known, so it may belong to any section


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that the source said about its own answer. `code`: confidential-items, data-in-transit,
    data-awaiting-filing, not-supported (asked for and not given), not-served (its system has no such content),
    information-not-available, incomplete, resource-warning. `category` None: the whole answer."""

    code: str
    text: str = ""
    category: RecordCategory | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole answer of one source. Every entry that it sent is in `subject`, `items` or `quarantined`, once.

    `subject` is the source's own Patient as R4 JSON, without what could not be read in it; whether it is the person
    asked for is for the caller to check. `subject_url` is the address that it went by, "" for none.
    An OperationOutcome among the entries is in `notices`. An item that the strict models refuse, and that is shown from
    the source's bytes all the same, says so in its notes.
    """

    subject: bytes | None
    subject_original: bytes | None = None
    subject_url: str = ""
    items: tuple[ReceivedItem, ...] = ()
    quarantined: tuple[QuarantinedEntry, ...] = ()
    notices: tuple[Notice, ...] = ()
    in_part: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a kind of connector can do. `answers_serve_others`: may an answer got for one requester be shown to another
    (GP Connect: no, the practice's own audit must name the user who reads)."""

    categories: frozenset[RecordCategory]
    answers_serve_others: bool


class Guard(Protocol):
    """Says whether a source may be called now (circuit breaker, bulkhead); handed to the transport by its maker."""

    async def enter(self, *, source_id: str) -> None:
        """Raise NotAsked if the source may not be called now."""

    async def leave(self, *, source_id: str, succeeded: bool) -> None: ...


class Connector(Protocol):
    """One kind of source. Stateless: one instance serves every source of its kind, on one event loop.

    `options` are the settings that a source of this kind may have, by name, with what each means.
    """

    kind: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    options: ClassVar[Mapping[str, str]]

    async def ask(self, *, source: SourceAddress, query: Query, transport: Transport) -> Reply:
        """Ask the source for the patient and return its whole answer.

        Raises: SourceError, and nothing else that the source could cause.
        """
        ...

    async def check(self, *, source: SourceAddress, transport: Transport, deadline: float) -> str:
        """Try whether a source of this kind is at the address, naming no patient, and say in a few words what it is.

        `deadline` is as a query's.
        Raises: SourceError, and nothing else that the source could cause.
        """
        ...

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of a payload that was saved to a file, by the same code that reads an answer off the wire.

        Raises: SourceError (Malformed) when no record is in it.
        """
        ...
