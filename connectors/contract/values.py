"""What goes to a connector and what comes back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from fhir_data.errors import EntryFault


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


@dataclass(frozen=True, kw_only=True)
class QuarantinedEntry:
    """An entry that cannot be used, set aside whole. `detail` names the fields at fault, never values."""

    reason: EntryFault
    detail: str
    original: bytes
    category: RecordCategory | None = None  # None: not known, so it may belong to any section


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
class CheckedSource:
    """What was found at a source's address.

    `words` say in a few words what it is. `holds` are the categories of which it says that it may have content; None
    where it does not say.
    """

    words: str
    holds: frozenset[RecordCategory] | None = None


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a kind of connector can do.

    `categories` are those that a source of this kind can give. `answers_serve_others`: may an answer that was got for
    one requester be shown to another (GP Connect: no, the practice's own audit must name the user who reads)?
    """

    categories: frozenset[RecordCategory]
    answers_serve_others: bool
