"""Which network addresses a source may have."""

from __future__ import annotations

import socket

import pytest

from connectors.transport.addresses import ForbiddenAddress, Reach, SocketsOfSources

PUBLIC = ("8.8.8.8", "2a00:1450:4009::1", "::ffff:8.8.8.8")
INTERNAL = (
    *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0"),  # noqa: S104
    *("192.0.0.8", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "ff0e::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254"),
    *("::127.0.0.1", "::10.1.2.3", "::ffff:0:127.0.0.1", "::ffff:0:a00:1", "fec0::1", "fe00::1", "5f00::1", "3fff::1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:4136:e378::1"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_source_may_be_on_the_internet(address: str) -> None:
    assert Reach().includes(address=address)


@pytest.mark.parametrize("address", INTERNAL)
def test_no_source_is_inside_our_network_or_behind_a_translator(address: str) -> None:
    assert not Reach().includes(address=address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(ForbiddenAddress):
        SocketsOfSources(reach=Reach())((family, socket.SOCK_STREAM, 0, "", (address, 443)))


def test_a_network_that_is_named_may_be_reached_in_each_spelling_of_its_addresses() -> None:
    reach = Reach.of(networks=["10.0.0.0/8", "fd00::/8"], plain_http=False)
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1"):
        assert reach.includes(address=address)
    for address in ("11.1.2.3", "::ffff:127.0.0.1", "192.168.1.1", "fc00::1"):
        assert reach.includes(address=address) == (address == "11.1.2.3")


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="10"):
        Reach.of(networks=["10.0.0.1/8"], plain_http=False)


@pytest.mark.parametrize(
    ("scheme", "host", "may"),
    [
        ("https", "fhir.example", True),
        ("https", "10.1.2.3", False),
        ("https", "[::1]", False),
        ("http", "fhir.example", False),
        ("http", "8.8.8.8", False),
        ("http", "localhost", True),
        ("http", "LOCALHOST.", True),
        ("http", "localhost.example", False),
        ("http", "127.0.0.1.example", False),
    ],
)
def test_only_this_machine_is_asked_without_tls(scheme: str, host: str, may: bool) -> None:
    assert Reach().may_speak(scheme=scheme, host=host) is may


def test_this_machine_is_asked_only_where_it_is_named() -> None:
    assert not Reach().may_speak(scheme="http", host="127.0.0.1")
    assert Reach.of(networks=["127.0.0.0/8"], plain_http=False).may_speak(scheme="http", host="127.0.0.1")


def test_plain_http_beyond_this_machine_is_a_choice() -> None:
    assert Reach(plain_http=True).may_speak(scheme="http", host="fhir.example")


def test_plain_http_is_asked_for_by_name_and_this_machine_may_be_spelt_in_brackets() -> None:
    assert Reach.of(networks=[], plain_http=True).may_speak(scheme="http", host="fhir.example")
    assert not Reach.of(networks=[], plain_http=False).may_speak(scheme="http", host="fhir.example")
    assert Reach.of(networks=["::1/128"], plain_http=False).may_speak(scheme="http", host="[::1]")


def test_a_socket_is_of_the_family_and_kind_that_the_address_has() -> None:
    reach = Reach.of(networks=["::1/128"], plain_http=False)
    address = (socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_UDP, "", ("::1", 443, 0, 0))
    with SocketsOfSources(reach=reach)(address) as made:
        assert (made.family, made.type, made.proto) == address[:3]
