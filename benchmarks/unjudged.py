"""The FHIR R4 connector without the verdict, to measure what a retrieval costs besides it. Never for a record.

It lies here and is declared by the benchmark's own settings alone, so that no setting of the service can leave the
verdict out. A process that imports this module judges no entry: it takes each as it is and reads of it only by what it
is sorted.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from connectors import reading
from connectors.fhir_r4.connector import FhirR4 as FhirR4
from fhir_data.releases import Release
from fhir_data.verdict import ValidEntry, Verdict

# What connectors/reading.py looks at: what it is, whose, and of which part of a record.
_Sorted = TypedDict(
    "_Sorted",
    {"resourceType": str, "id": str, "category": Any, "subject": Any, "patient": Any, "beneficiary": Any, "for": Any},
    total=False,
)
_DECODER = msgspec.json.Decoder(_Sorted)


def unjudged(*, entry: bytes, release: Release) -> Verdict:
    """Accept an entry."""
    return ValidEntry(resource=dict(_DECODER.decode(entry)))


assert callable(vars(reading).get("verdict")), "entries are judged under another name now: name it here too"
reading.verdict = unjudged  # type: ignore[attr-defined]  # what it imported, not what it exports
