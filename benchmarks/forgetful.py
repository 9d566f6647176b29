"""The FHIR R4 connector that judges each entry anew, also one that it has read before, to measure what that costs.

A process that imports this module remembers no entry.
"""

from __future__ import annotations

from connectors.fhir_r4 import answer
from connectors.fhir_r4.connector import FhirR4 as FhirR4
from connectors.fhir_r4.plain import PlainEntries

answer.PLAIN_ENTRIES = PlainEntries(generation=0)
