"""Codes that stand where a concept should: "the code was lost", "a record entry", "unknown", "other". Pure.

They are no shared concept: two things coded so need have nothing in common.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Placeholder(StrEnum):
    """What a code that names no concept says. SILENT: nothing is known; UNNAMED: there is something, not coded here."""

    SILENT = "silent"
    UNNAMED = "unnamed"


# An allergy whose code was lost is an allergy all the same.
# Source: SNOMED CT UK edition, 196411000000103 and what is below it; GP2GP and GP Connect, degraded items.
LOST_DRUG_ALLERGY = "196461000000101"
LOST_ALLERGY_CODES: Mapping[str, str] = {
    LOST_DRUG_ALLERGY: "Transfer-degraded drug allergy",
    "196471000000108": "Transfer-degraded non-drug allergy",
}
# Source: as above; SNOMED CT UK edition, record artifacts that GP systems file free text under.
LOST_CODES: Mapping[str, str] = {
    **LOST_ALLERGY_CODES,
    "196411000000103": "Transfer-degraded record entry",
    "196421000000109": "Transfer-degraded medication entry",
    "196431000000106": "Transfer-degraded referral",
    "196441000000102": "Transfer-degraded request",
    "196451000000104": "Transfer-degraded plan",
    "37331000000100": "Comment note",
    "37341000000109": "Alert note",
    "37351000000107": "Administration note",
    "37361000000105": "Additional note",
    "37291000000107": "Externally entered note",
    "24591000000103": "Other report",
    "24641000000107": "Investigation result",
    "24701000000102": "Laboratory result",
    "25561000000105": "Data transferred from other system",
    "109341000000100": "GP to GP communication transaction",
    "419891008": "Record artifact",
    "74964007": "Other",
}
# Source: SNOMED CT, qualifier values; 1287211007 is what IPS 2.0 asks for where there is no information.
SILENT_CODES: Mapping[str, str] = {
    "261665006": "Unknown",
    "276727009": "Null",
    "385432009": "Not applicable",
    "1287211007": "No information available",
    "1631000175102": "Patient not asked",
}
# Source: HL7 v3 NullFlavor, HL7 v2 tables 0532 and 0136, FHIR data-absent-reason of STU3 and R4, list-empty-reason.
SILENT_WORDS = frozenset(
    "UNK NI NA NAV NAVU NP NASK ASKU UNKNOWN ASKED-UNKNOWN TEMP-UNKNOWN NOT-ASKED NOTASKED ASKED-DECLINED DECLINED "
    "NOT-APPLICABLE UNSUPPORTED ERROR NOT-PERFORMED NOT-PERMITTED NULL NULLFLAVOR UNAVAILABLE NOTSTARTED "
    "NO-CONTENT-RECORDED NO-INFORMATION NOT-KNOWN NOT-RECORDED".split()
)
# There is something, which another word, a text or a hidden value names. Source: as above.
UNNAMED_WORDS = frozenset(
    "OTH OTHER UNC MSK MASKED WITHHELD TRC QS INV DER PINF NINF AS-TEXT ASTEXT TEXT NAN NOT-A-NUMBER "
    "NEGATIVE-INFINITY POSITIVE-INFINITY TBD TBA TBC XXX NOCODE NO-CODE UNCODED FREETEXT FREE-TEXT".split()
)
_LOST_WORDS = re.compile(r"transfer[- ]degraded|\(record artifact\)", re.IGNORECASE)
_NO_NUMBER = re.compile(r"[\D0]*\Z")


def placeholder(*, code: str, display: str = "", numbered: bool = False) -> Placeholder | None:
    """Return what a code that names no concept says, whatever its system claims to be; None for a concept.

    `numbered`: the codes of its system are numbers (SNOMED CT, dm+d, LOINC), so that what holds none is no code of it.
    """
    word = code.strip().strip("\"'").upper().replace("_", "-").replace(" ", "-")
    if code in SILENT_CODES or word in SILENT_WORDS:
        return Placeholder.SILENT
    if code in LOST_CODES or word in UNNAMED_WORDS or _LOST_WORDS.search(display):
        return Placeholder.UNNAMED
    return Placeholder.UNNAMED if numbered and _NO_NUMBER.match(code) else None
