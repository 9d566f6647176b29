"""Which address a request is counted under."""

from __future__ import annotations

import ipaddress

from django.conf import settings

# Whoever has one IPv6 address has all of its network: as many as nobody could count.
IPV6_NETWORK = 64
UNREADABLE = "unreadable"


def counted_address(address: str, /) -> str:
    """Return the address, or the IPv6 network, that a request counts under; "" where nobody's is known.

    A trusted proxy's own address is nobody's: the proxy did not say for whom it asked. What is no address is one, too.
    """
    if not address:
        return ""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return UNREADABLE
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if any(parsed in ipaddress.ip_network(proxy) for proxy in settings.PROXY_ADDRESSES):
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, IPV6_NETWORK), strict=False))
    return str(parsed)
