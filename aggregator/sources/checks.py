"""`manage.py check`: every declared connector can be imported and is of the kind it is declared for."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from aggregator.sources import catalogue
from connectors.contract.conformance import are_points, conformance_of
from connectors.contract.protocol import members_missing


@register
def declared_connectors(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Return an error for each line of settings.CONNECTORS that names nothing, no connector or one of another kind."""
    problems: list[CheckMessage] = []
    for kind in catalogue.kinds():
        try:
            connector = catalogue.connector_for(kind=kind)
        except Exception as error:  # noqa: BLE001 (code of another distribution, which may fail as it likes)
            problems.append(
                Error(f"CONNECTORS[{kind!r}] cannot be imported: {type(error).__name__}: {error}", id="sources.E001")
            )
            continue
        if missing := members_missing(connector):
            problems.append(
                Error(f"CONNECTORS[{kind!r}] is no connector: it lacks {', '.join(missing)}.", id="sources.E003")
            )
        elif connector.kind != kind:
            problems.append(
                Error(f"CONNECTORS[{kind!r}] is a connector of kind {connector.kind!r}.", id="sources.E002")
            )
        elif (conformance := conformance_of(connector)) is not None and not are_points(conformance.points):
            words = "the points of its standard are not a tuple of Point, each with an id of its own"
            problems.append(Error(f"CONNECTORS[{kind!r}]: {words}.", id="sources.E004"))
    return problems
