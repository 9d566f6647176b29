"""What a source said, as it is held for a retrieval. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.federation.endings import Ending
from aggregator.record.item import Item
from connectors.contract.notices import Notice
from connectors.contract.values import QuarantinedEntry
from fhir_data.labels import Label


@dataclass(frozen=True, kw_only=True)
class HeldAnswer:
    """What one source said under one identifier, that of `source_record_id`, before consent.

    `subject` is its own Patient as R4 JSON without what is at fault in it, `subject_sent` its bytes as sent where they
    differ, and `subject_labels` are the security labels of the Bundle that it came in.
    """

    source_record_id: UUID
    received_at: datetime
    subject: bytes | None
    items: tuple[Item, ...]
    quarantined: tuple[QuarantinedEntry, ...]
    notices: tuple[Notice, ...]
    subject_sent: bytes | None = None
    subject_labels: tuple[Label, ...] = ()

    @property
    def size_bytes(self) -> int:
        """How much was sent, in bytes, and made of it."""
        sent = sum(len(entry.original) for entry in self.quarantined)
        return sent + sum(len(item.resource) + len(item.original or b"") for item in self.items)

    @property
    def is_whole(self) -> bool:
        """Whether nothing was set aside, and the source warns of nothing but what its system never gives."""
        return not self.quarantined and not any(notice.code.is_of_a_gap for notice in self.notices)


@dataclass(frozen=True, kw_only=True)
class HeldDocument:
    """A document that was asked for by itself: at which source and address, and until when an answer is awaited.

    `ending` None: it has not ended; `asked_at` None: its source has not been asked yet. What came is in `content_type`
    and `encoded`, base64 as sent; `head` is what else its source says of it, its labels too.
    """

    source_id: UUID
    address: str
    deadline_at: datetime
    ending: Ending | None = None
    content_type: str = ""
    encoded: str = ""
    head: bytes = b"{}"
    asked_at: datetime | None = None
