"""Which network addresses a source may have. Pure.

A source is on the internet, or in a network that the operator names: its address is a setting, and what a name leads to
is decided by whoever runs its DNS. Without this an address could lead to the inside of our own network.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Ranges that count as global, in some version of Python at least, and hold no source: they lead to an IPv4 address of
# the sender's choice, or are for protocols.
# Source: RFC 6052 and 8215 (NAT64), RFC 3056 and 7526 (6to4), RFC 4380 (Teredo), RFC 6890 (protocol assignments), RFC
# 9637 (documentation).
_NEVER = tuple(
    ipaddress.ip_network(name)
    for name in (
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "192.88.99.0/24"),
        *("2001::/32", "192.0.0.0/24", "2001::/23", "3fff::/20"),
    )
)
# All that is on the internet in IPv6. Outside of it Python takes for global whatever it does not know: site-local
# addresses (RFC 3879), those that hold an IPv4 address (RFC 4291, 2.5.5.1; RFC 2765), and what nobody has yet.
# Source: RFC 4291, 2.4; IANA, Internet Protocol Version 6 Address Space.
_UNICAST = ipaddress.IPv6Network("2000::/3")


class ForbiddenAddress(OSError):
    """A source's name led to an address that may not be connected to."""

    def __init__(self) -> None:
        super().__init__("not an address of a source")  # the same words each time, and no address


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where sources may be: on the internet, and in these networks. `plain_http`: without TLS beyond this machine."""

    networks: tuple[IPNetwork, ...] = ()
    plain_http: bool = False

    @classmethod
    def of(cls, *, networks: Iterable[str], plain_http: bool) -> Reach:
        """Return a reach with networks named by texts such as "10.0.0.0/8".

        Raises: ValueError for one that names no network.
        """
        return cls(networks=tuple(ipaddress.ip_network(name) for name in networks), plain_http=plain_http)

    def includes(self, *, address: str) -> bool:
        """Return whether a source may have this numeric address."""
        number = _plain(ipaddress.ip_address(address.partition("%")[0]))
        if any(number in network for network in self.networks):
            return True
        never = any(number in network for network in _NEVER) or (number.version == 6 and number not in _UNICAST)
        return number.is_global and not number.is_multicast and not never

    def may_speak(self, *, scheme: str, host: str) -> bool:
        """Return whether a source may be asked in this scheme, and at this host where that is a numeric address.

        What a name leads to is judged when it is connected to.
        """
        if scheme != "https" and not (self.plain_http or _is_this_machine(host)):
            return False
        try:
            return self.includes(address=host.strip("[]"))
        except ValueError:
            return True


class SocketsOfSources:
    """Makes the socket for an address that a source may have. It sees every address, literal ones too."""

    def __init__(self, *, reach: Reach) -> None:
        self._reach = reach

    def __call__(self, address: Any, /) -> socket.socket:
        """Return a socket.

        Raises: ForbiddenAddress.
        """
        family, kind, protocol, _, (host, *_) = address
        if not self._reach.includes(address=host):
            raise ForbiddenAddress
        return socket.socket(family=family, type=kind, proto=protocol)


def _is_this_machine(host: str, /) -> bool:
    try:
        return _plain(ipaddress.ip_address(host.strip("[]"))).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _plain(address: IPAddress) -> IPAddress:
    return getattr(address, "ipv4_mapped", None) or address
