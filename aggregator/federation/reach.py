"""Where sources may be, as the settings say, and the channels that keep to it."""

from __future__ import annotations

from django.conf import settings

from connectors.transport.addresses import Reach
from connectors.transport.channels import LoopChannels
from connectors.transport.client import HttpTransport


def configured_reach() -> Reach:
    """Return where sources may be."""
    return Reach.of(networks=settings.SOURCE_NETWORKS, plain_http=settings.PLAIN_HTTP_SOURCES)


def open_channels() -> LoopChannels:
    """Return channels for one event loop that reach sources only where they may be."""
    return LoopChannels(HttpTransport(reach=configured_reach()))
