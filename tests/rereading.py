"""Reads of a hospital's answer, each also as it is read by a process that has read it before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connectors.contract.values import Reply
from connectors.fhir_r4 import answer
from connectors.fhir_r4.answer import read_pages
from connectors.fhir_r4.plain import PlainEntries
from connectors.transport.pace import finish
from fhir_data.splitting import SplitPayload


def read_anew_and_again(
    *, pages: Sequence[SplitPayload], patient_id: str | None, base: str = "", names: Sequence[str] = ()
) -> Reply:
    """Return what comes of pages, which must be the same when they are read again."""
    known = PlainEntries()
    anew = read_knowing(known, pages=pages, patient_id=patient_id, base=base, names=names)
    assert read_knowing(known, pages=pages, patient_id=patient_id, base=base, names=names) == anew
    return anew


def read_knowing(
    known: PlainEntries, *, pages: Sequence[SplitPayload], patient_id: str | None, base: str, names: Sequence[str] = ()
) -> Reply:
    """Return what comes of pages in a process that knows these entries to be plain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer, "PLAIN_ENTRIES", known)
        return finish(steps=read_pages(pages=pages, patient_id=patient_id, base=base, names=names))
