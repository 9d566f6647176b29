"""What a source said, as it is held for a retrieval. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.record.item import Item
from connectors.contract.notices import Notice
from connectors.contract.values import QuarantinedEntry


@dataclass(frozen=True, kw_only=True)
class HeldAnswer:
    """What one source said under one identifier, that of `source_record_id`, before consent.

    `subject` is its own Patient as R4 JSON without what is at fault in it, `subject_sent` its bytes as sent where they
    differ.
    """

    source_record_id: UUID
    received_at: datetime
    subject: bytes | None
    items: tuple[Item, ...]
    quarantined: tuple[QuarantinedEntry, ...]
    notices: tuple[Notice, ...]
    subject_sent: bytes | None = None
