"""How old an answer a FHIR caller takes, as the request's `Cache-Control` says. Pure.

Source: RFC 9111, 5.2.1: `no-cache` and `max-age`; other directives are not for us.
"""

from __future__ import annotations

import re

MAX_AGE = re.compile(r"max-age=\"?([0-9]{1,9})\"?", re.ASCII)


def max_age_s(*, cache_control: str) -> int | None:
    """Return how old an answer may be at most, 0 to have every source asked; None where the caller does not say.

    Of several statements the strictest counts, and one that cannot be read asks every source.
    """
    ages = []
    for directive in cache_control.lower().split(","):
        name = directive.strip()
        if name == "no-cache" or name.startswith("no-cache="):
            ages.append(0)
        elif name == "max-age" or name.startswith("max-age="):
            age = MAX_AGE.fullmatch(name)
            ages.append(int(age[1]) if age else 0)
    return min(ages, default=None)
