"""The item: one resource from one source, as it was said."""

from __future__ import annotations

import msgspec

from connectors.contract.categories import RecordCategory
from fhir_data.flaws import Flaw
from fhir_data.labels import Label


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One resource from one source.

    `id` is opaque, made when the answer was received, and unique in its retrieval. `resource` is R4 JSON unless
    `translated` is False (kept as sent, counted, never merged). `original` holds the bytes as sent where they differ.
    `flaws` are what breaks the standard in what was sent; `at_fault` are the members that hold a flaw.
    `full_url` is the address that its entry went by in the answer, "" for none.
    `subject_references` are the references in `resource` that mean the person asked for, and no others do;
    `names_no_patient` marks an item that does not say whose it is.
    """

    id: str
    source_id: str
    category: RecordCategory
    resource: bytes
    original: bytes | None = None
    notes: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    at_fault: tuple[str, ...] = ()
    incidental: bool = False
    translated: bool = True
    labels: tuple[Label, ...] = ()
    full_url: str = ""
    subject_references: tuple[str, ...] = ()
    names_no_patient: bool = False
