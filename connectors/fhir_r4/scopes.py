"""What the scopes of a token let us read. Pure.

Source: HL7 SMART App Launch 2.2, "Scopes for requesting FHIR Resources", of version 1 (`.read`) too.
"""

from __future__ import annotations

import re

_SCOPE = re.compile(r"(?:system|user|patient)/(?P<type>\*|[A-Za-z]+)\.(?P<rights>read|write|\*|[cruds]+)(?:\?.*)?\Z")


def readable_types(*, scope: str) -> frozenset[str] | None:
    """Return the types that may be read and searched by a scope, as a token endpoint says it.

    None for all types, and where no scope in it is one of SMART's: nothing is known then. One that has parameters lets
    less be read than its type, and so does not count.
    """
    matches = [match for match in map(_SCOPE.match, scope.split()) if match]
    readable = {match["type"] for match in matches if "?" not in match.string and _may_read(match["rights"])}
    return None if not matches or "*" in readable else frozenset(readable)


def _may_read(rights: str, /) -> bool:
    """Whether they let us search, as we do for all but a single resource: who may only read one is given none."""
    return rights in ("read", "*") or (rights != "write" and "s" in rights)
