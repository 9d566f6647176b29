"""What can be registered as a webhook, and what of it is kept."""

from __future__ import annotations

import socket
from urllib.parse import SplitResult, urlsplit

from aggregator.alerts.models import Webhook
from aggregator.alerts.terms import AlertKind, NewWebhook
from aggregator.alerts.webhooks import webhook_reach
from aggregator.errors import Invalid
from aggregator.limits import check_length, check_line

# Which of them an address may have depends on where it leads.
SCHEMES = ("https", "http")
DEFAULT_PORT = 443


def checked_kinds(webhook: NewWebhook, /) -> frozenset[AlertKind]:
    """Check all of a webhook but whose it is; return of which kinds of alert it is told. It may wait for a name server.

    Raises: Invalid naming the field.
    """
    if not webhook.name.strip():
        raise Invalid("Enter a name for the webhook.", field="name")
    check_length(model=Webhook, field="name", value=webhook.name, label="Name")
    check_line(value=webhook.name.strip(), label="Name", as_field="name")
    known = {kind.value for kind in AlertKind if kind.is_registrable}
    if not webhook.kinds or not set(webhook.kinds) <= known:
        raise Invalid(f"Select what it is told of: one or more of {', '.join(sorted(known))}.", field="kinds")
    _check_address(webhook.url)
    return frozenset(AlertKind(kind) for kind in webhook.kinds)


def _check_address(url: str) -> None:
    check_length(model=Webhook, field="url", value=url, label="Address")
    try:
        address = urlsplit(url)
        is_sound = address.scheme in SCHEMES and bool(address.hostname)
        is_sound &= "@" not in address.netloc and not address.fragment and address.port != 0
        port = address.port or DEFAULT_PORT
    except ValueError:  # such as half an IPv6 address
        is_sound, port = False, 0
    if not is_sound or not url.isascii() or not url.isprintable() or set(url) & set(" \\"):
        raise Invalid("The address cannot be read.", field="url")
    if not webhook_reach().may_speak(scheme=address.scheme, host=address.hostname or "") or _leads_inside(
        address, port=port
    ):
        words = "No webhook may have this address: use https://, and a host on the internet or in WEBHOOK_NETWORKS."
        raise Invalid(words, field="url")


def _leads_inside(address: SplitResult, *, port: int) -> bool:
    """Return whether a host leads, now, to where no webhook may be. It is judged again whenever it is connected to.

    Raises: Invalid for a host that leads nowhere.
    """
    try:
        addresses = socket.getaddrinfo(address.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Invalid("The address leads nowhere: its host is not known.", field="url") from None
    reach = webhook_reach()
    return not all(reach.includes(address=str(place[4][0])) for place in addresses)
