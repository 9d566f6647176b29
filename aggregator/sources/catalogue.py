"""Kind of source -> connector, declared in settings.CONNECTORS."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from aggregator.errors import Invalid
from connectors.contract.categories import RecordCategory
from connectors.contract.protocol import Connector
from connectors.contract.values import Capabilities

# What a source may hold whose kind is no longer declared: nothing can be ruled out.
UNDECLARED = Capabilities(categories=frozenset(RecordCategory), answers_serve_others=False)


def kinds() -> tuple[str, ...]:
    """Return the kinds of source that this service can connect to."""
    return tuple(sorted(settings.CONNECTORS))


def capabilities_of(*, kind: str) -> Capabilities:
    """Return what a kind can do.

    A source stays registered when its kind is no longer declared. Asking it fails, by itself; every record in which it
    has a part can still be opened, and says so.
    """
    return connector_for(kind=kind).capabilities if kind in settings.CONNECTORS else UNDECLARED


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
