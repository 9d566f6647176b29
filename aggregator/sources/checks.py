"""`manage.py check`: every declared connector can be imported and is of the kind it is declared for."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from aggregator.sources import catalogue


@register
def declared_connectors(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Return an error for each line of settings.CONNECTORS whose connector is missing or of another kind."""
    problems: list[CheckMessage] = []
    for kind in catalogue.kinds():
        try:
            connector = catalogue.connector_for(kind=kind)
        except ImportError as error:
            problems.append(Error(f"CONNECTORS[{kind!r}] cannot be imported: {error}", id="sources.E001"))
            continue
        if connector.kind != kind:
            problems.append(
                Error(f"CONNECTORS[{kind!r}] is a connector of kind {connector.kind!r}.", id="sources.E002")
            )
    return problems
