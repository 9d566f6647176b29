"""Which of the addresses that a source sends are its own, and so may be asked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
# A path from a server's base, such as `Patient/1/$everything?page=2`, with a slash before it or without.
_FROM_BASE = re.compile(r"/?(?P<path>[A-Z][A-Za-z]*(?:[/?].*)?)\Z|/(?P<query>\?.*)\Z")


def own_address(*, url: str, base: str, names: Iterable[str]) -> str:
    """Return where an address that a source sent is to be asked for: under its base; "" for one that is not its own.

    `names` are the other addresses by which the server calls itself, since behind a gateway it may not know the one
    that is asked. What lies under one of them is asked for under the base: no other server is ever asked.
    """
    if is_within(url=url, base=base):
        return url
    for name in (name.rstrip("/") for name in names):
        own = _own(url=url, base=name)
        if own is not None and is_within(url=url, base=name):
            target, theirs = own
            rest = target.path[len(theirs.path) :]
            return base.rstrip("/") + rest + (f"?{target.query}" if target.query else "")
    return ""


def is_within(*, url: str, base: str) -> bool:
    """Whether an address that a source sent is its own: same origin, under its base path, with no way to climb out."""
    own = _own(url=url, base=base)
    if own is None:
        return False
    target, ours = own
    return target.path == ours.path or target.path.startswith(ours.path.rstrip("/") + "/")


def is_on_server(*, url: str, base: str) -> bool:
    """Whether an address that a source sent is on its own server, wherever there."""
    return _own(url=url, base=base) is not None


def joined(*, address: str, to: str) -> str:
    """Return an address that a source sent as a whole one, "" for one that cannot be read.

    `to` is the address of what it stands in, to which it may be relative.
    """
    try:
        return urljoin(to, address)
    except ValueError:
        return ""


def page_address(*, address: str, on: str, base: str, names: Iterable[str]) -> str:
    """Return where a page is to be asked for that another names, as `own_address` does; "" for none of the server's.

    `on` is the address of the page that names it, to which it may be relative. What begins with a type may be relative
    to the base instead, as some servers write it, with a slash before it or without.
    """
    match = _FROM_BASE.match(address)
    names = tuple(names)
    whole = own_address(url=joined(address=address, to=on), base=base, names=names)
    if match is None or (whole and address.startswith("/")):
        return whole
    return own_address(url=f"{base.rstrip('/')}{match['query'] or '/' + match['path']}", base=base, names=names)


def redirect_address(*, address: str, on: str, base: str, names: Iterable[str]) -> str:
    """Return where a read is to be asked for that its server leads elsewhere, as `page_address` does; "" for one that
    is not to be followed.

    `on` is the address that was asked. What leads from a search to the same place without its question is not followed:
    the answer would be everybody's, or nothing, and neither was asked for.
    """
    target = page_address(address=address, on=on, base=base, names=names)
    if not target:
        return ""
    asked, led = urlsplit(on), urlsplit(target)
    has_lost_question = bool(asked.query) and not led.query and _last_part(asked.path) == _last_part(led.path)
    return "" if has_lost_question else target


def _last_part(path: str, /) -> str:
    return path.rstrip("/").rpartition("/")[2].lower()


def parameters_of(address: str, /) -> dict[str, str]:
    """Return the parameters of an address that a source sent, none of one that cannot be read."""
    try:
        return dict(parse_qsl(urlsplit(address).query))
    except ValueError:
        return {}


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    return address.scheme, address.hostname, address.port or DEFAULT_PORTS.get(address.scheme)


def _own(*, url: str, base: str) -> tuple[SplitResult, SplitResult] | None:
    """Return an address and the base in parts, None where it is not of the base's origin or has a way to climb.

    A source may have sent either of them.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        target, ours = urlsplit(url), urlsplit(base)
        same_origin = _origin(target) == _origin(ours)
    except ValueError:
        return None
    path = target.path.lower()
    climbs = ".." in path or "%2e" in path or "%2f" in path or "%5c" in path
    return (target, ours) if same_origin and not climbs and "@" not in target.netloc else None
