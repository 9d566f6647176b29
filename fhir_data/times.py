"""Times that FHIR does not allow and real feeds send. Pure."""

from __future__ import annotations

import re
from datetime import date

_LOOSE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?\Z"
)


def loose_date(*, text: str) -> str:
    """Return the date of a time that lacks its seconds or zone, "" when it is no such time.

    Real feeds send such times, which FHIR does not allow. The day is certain; the instant is not.
    """
    match = _LOOSE_TIME.match(text)
    if match is None:
        return ""
    try:
        date.fromisoformat(match[1])
    except ValueError:
        return ""
    return match[1]
