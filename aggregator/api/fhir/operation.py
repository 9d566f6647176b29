"""What a FHIR operation declares about itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from aggregator.api.fhir.view import FhirView


class Level(StrEnum):
    """What an operation is called on. Source: FHIR R4, OperationDefinition.instance and .type."""

    INSTANCE = "instance"
    TYPE = "type"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of this door.

    `definition` is the canonical address of its OperationDefinition. An instance operation's view takes the id in the
    address as `resource_id`. `waits`: its view answers 202 with Content-Location; unless the caller prefers that,
    the answer is awaited on the event loop and returned.
    """

    resource_type: str
    name: str
    definition: str
    level: Level
    view: type[FhirView]
    waits: bool = False

    @property
    def route(self) -> str:
        """The route below the door's base, as Django writes it."""
        instance = "/<str:resource_id>" if self.level is Level.INSTANCE else ""
        return f"{self.resource_type}{instance}/${self.name}"

    @property
    def route_name(self) -> str:
        """The name of the route."""
        return f"fhir-{self.resource_type.lower()}-{self.name}"

    def matches(self, *, path: str) -> bool:
        """Return whether a path below the door's base calls this operation."""
        instance = "/[^/]+" if self.level is Level.INSTANCE else ""
        return re.fullmatch(rf"{self.resource_type}{instance}/\${re.escape(self.name)}", path) is not None
