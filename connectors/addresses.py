"""Which of the addresses that a source sends are its own, and so may be asked. Pure."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def is_within(*, url: str, base: str) -> bool:
    """Whether an address that a source sent is its own: same origin, under its base path, with no way to climb out."""
    target, ours = _own(url=url, base=base)
    return target is not None and (target.path == ours.path or target.path.startswith(ours.path.rstrip("/") + "/"))


def is_on_server(*, url: str, base: str) -> bool:
    """Whether an address that a source sent is on its own server, wherever there."""
    return _own(url=url, base=base)[0] is not None


def _own(*, url: str, base: str) -> tuple[SplitResult | None, SplitResult]:
    """Return an address in parts, None where it is not of the base's origin or has a way to climb; and the base."""
    ours = urlsplit(base)
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None, ours
    try:
        target = urlsplit(url)
        same_origin = (target.scheme, target.hostname, target.port) == (ours.scheme, ours.hostname, ours.port)
    except ValueError:
        return None, ours
    path = target.path.lower()
    climbs = ".." in path or "%2e" in path or "%2f" in path or "%5c" in path
    return (target if same_origin and not climbs and "@" not in target.netloc else None), ours
