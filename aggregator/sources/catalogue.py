"""Kind of source -> connector, declared in settings.CONNECTORS."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from aggregator.errors import Invalid
from connectors.contract.protocol import Connector


def kinds() -> tuple[str, ...]:
    """Return the kinds of source that this service can connect to."""
    return tuple(sorted(settings.CONNECTORS))


@cache
def connector_for(*, kind: str) -> Connector:
    """Return the connector of a kind.

    Raises: Invalid for a kind that is not declared.
    """
    path = settings.CONNECTORS.get(kind)
    if path is None:
        raise Invalid(f"There is no connector for this kind; the kinds are {', '.join(kinds())}.", code="unknown-kind")
    connector: Connector = import_string(path)()
    return connector
