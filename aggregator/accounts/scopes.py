"""What a registered client's token is for, as SMART's system scopes say it. Pure.

Source: HL7 SMART App Launch 2.2, "Scopes for requesting FHIR Resources". Of its scopes a client may have
`system/[type or *].[r, s or rs]`: nothing is written for a client, and no search parameter narrows a scope.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.errors import Invalid

EVERY_TYPE = "*"
READ, SEARCH = "r", "s"
MAX_SCOPES_LENGTH = 2000
_SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]{1,60})\.(rs|r|s)", re.ASCII)


@dataclass(frozen=True, kw_only=True, order=True)
class Scope:
    """What may be done with one type of resource, or with every type (`*`). `may` holds `r`, `s` or both."""

    resource_type: str
    may: str

    def __str__(self) -> str:
        return f"system/{self.resource_type}.{self.may}"


@dataclass(frozen=True, kw_only=True)
class Scopes:
    """What a client was registered for, or what one of its tokens is for. None of them: nothing."""

    scopes: tuple[Scope, ...]

    def __str__(self) -> str:
        return " ".join(str(scope) for scope in self.scopes)

    @property
    def types(self) -> tuple[str, ...]:
        """The types that are named, `*` among them, in alphabetical order."""
        return tuple(sorted({scope.resource_type for scope in self.scopes}))

    @property
    def readable_types(self) -> tuple[str, ...]:
        """The named types of which resources may be read."""
        return tuple(name for name in self.types if self.may_read(name))

    @property
    def reads_every_type(self) -> bool:
        """Whether resources of every type may be read."""
        return self.may_read(EVERY_TYPE)

    def may_read(self, resource_type: str, /) -> bool:
        """Return whether resources of a type may be read."""
        return self._allows(resource_type, READ)

    def may_search(self, resource_type: str, /) -> bool:
        """Return whether resources of a type may be searched for."""
        return self._allows(resource_type, SEARCH)

    def includes(self, other: Scopes, /) -> bool:
        """Return whether everything that the others allow is allowed by these."""
        return all(self._allows(scope.resource_type, letter) for scope in other.scopes for letter in scope.may)

    def _allows(self, resource_type: str, letter: str) -> bool:
        return any(letter in scope.may and scope.resource_type in {resource_type, EVERY_TYPE} for scope in self.scopes)


def read_scopes(*, text: str) -> Scopes:
    """Return the scopes that a text lists, each once and in alphabetical order.

    Raises: Invalid, `invalid-scope`, when one is not understood or there is none: nothing is left out silently.
    """
    names = text.split(" ") if len(text) <= MAX_SCOPES_LENGTH else []
    matches = [_SCOPE.fullmatch(name) for name in names if name]
    scopes = [Scope(resource_type=match[1], may=match[2]) for match in matches if match]
    if not scopes or len(scopes) < len(matches):
        raise invalid_scope(
            "Scopes must be like system/*.rs or system/Observation.rs, with spaces between: r for read, s for search."
        )
    return of(scopes)


def of(scopes: Iterable[Scope], /) -> Scopes:
    """Return scopes, each once and in alphabetical order."""
    return Scopes(scopes=tuple(sorted(set(scopes))))


def invalid_scope(message: str) -> Invalid:
    """Return the error that refuses scopes."""
    return Invalid(message, code="invalid-scope", field="scopes")
