"""The values that go to a connector and come back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import msgspec

from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice
from connectors.contract.outcomes import Reason
from fhir_data.errors import EntryFault
from fhir_data.flaws import Flaw
from fhir_data.labels import Label


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """A business identifier: FHIR `Identifier.system` and `.value`."""

    system: str
    value: str


@dataclass(frozen=True, kw_only=True)
class SourceAddress:
    """Where a source is and how to speak to it.

    `options` are the kind's own settings, such as GP Connect's `to_asid`; each kind's README lists them. `secrets` are
    the files that hold the secrets which options name: by option, those that are there.
    """

    source_id: str
    base_url: str
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """On whose behalf a source is asked: a person, or a system that is registered with us, by its name in `family`.

    GP Connect's token must name a person, and not a system user.
    """

    user_id: str
    family: str
    given: str
    prefix: str = ""
    sds_user_id: str = ""  # national identity, empty for a local account
    sds_role_profile_id: str = ""
    organisation_ods: str
    organisation_name: str


# Who asks when a source is only checked and no patient is named.
NOBODY = Asker(user_id="none", family="None", given="None", organisation_ods="", organisation_name="")


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a source is asked.

    `local_identifiers` are the identifiers under which this source itself holds the patient, best first.
    `deadline` is an absolute time of the running event loop (`loop.time()`), in seconds.
    """

    local_identifiers: tuple[Identifier, ...]
    categories: frozenset[RecordCategory]
    asker: Asker
    deadline: float
    correlation_id: UUID


class ReceivedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One resource of an answer, as FHIR R4.

    `resource` is R4 JSON: the source's own bytes where it speaks R4, otherwise a translation of the bytes in
    `original`. `notes` name what the translation could not carry. `flaws` say what breaks the standard in what was
    sent, and `at_fault` are the members that hold a flaw: they are shown, and nothing is joined by them. `incidental`:
    the source linked the item, and it does not answer the question (GP Connect's secondary lists). `translated` False:
    the item is kept as sent because its type has no translation, so `resource` is not R4, and it is only counted.
    `full_url` is the address of its entry, "" for none; it decides what references mean. `subject_references` are the
    references in `resource` that mean the answer's own subject. `names_no_patient`: it belongs to the Patient
    compartment and does not say whose it is. `labels` are its security labels and those of the Bundle that it came in.
    """

    category: RecordCategory
    resource: bytes
    original: bytes | None = None
    notes: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    at_fault: tuple[str, ...] = ()
    incidental: bool = False
    translated: bool = True
    full_url: str = ""
    subject_references: tuple[str, ...] = ()
    names_no_patient: bool = False
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, kw_only=True)
class QuarantinedEntry:
    """An entry that cannot be used, set aside whole. `detail` names the fields at fault, never values.

    `labels` are its security labels, as far as they can be read, with those of its Bundle; `full_url` is as an item's.
    """

    reason: EntryFault
    detail: str
    original: bytes
    category: RecordCategory | None = None  # None: not known, so it may belong to any section
    labels: tuple[Label, ...] = ()
    full_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The whole answer of one source. Every entry that it sent is in `subject`, `items` or `quarantined`, once; an
    OperationOutcome among them becomes `notices`.

    `subject` is the source's own Patient as R4 JSON, without what is at fault in it; the caller checks whether it is
    the person asked for. `subject_original` holds its bytes as sent where they differ. `subject_url` is the address of
    its entry, "" for none; `subject_notes` are as an item's. `subject_labels` are the security labels of the Bundle
    that it came in. `in_part`: why part of the answer did not come, if so.
    """

    subject: bytes | None
    subject_original: bytes | None = None
    subject_url: str = ""
    subject_notes: tuple[str, ...] = ()
    subject_labels: tuple[Label, ...] = ()
    items: tuple[ReceivedItem, ...] = ()
    quarantined: tuple[QuarantinedEntry, ...] = ()
    notices: tuple[Notice, ...] = ()
    in_part: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class DocumentQuery:
    """Which document is fetched: `address` is where its source said that it is. `deadline` is as a query's."""

    address: str
    asker: Asker
    deadline: float
    correlation_id: UUID


@dataclass(frozen=True, kw_only=True)
class Document:
    """The content of a document: what its source says that it is, and its bytes in base64, as sent.

    `head` is all else that the source says of it, its security labels too: its Binary without the content, as JSON.
    """

    content_type: str
    encoded: str
    head: bytes


@dataclass(frozen=True, kw_only=True)
class CheckedSource:
    """What was found at a source's address.

    `words` describe it briefly. `holds` are the categories in which it says that it may have content, None where it
    does not say.
    """

    words: str
    holds: frozenset[RecordCategory] | None = None


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a kind of connector can do.

    `categories` are those that a source of this kind can give. `answers_serve_others`: an answer fetched for one
    requester may be shown to another (not with GP Connect: the practice's own audit must name whoever reads it).
    `must_name_user`: it may be asked on behalf of a person only, never for a system by itself.
    """

    categories: frozenset[RecordCategory]
    answers_serve_others: bool
    must_name_user: bool = False
