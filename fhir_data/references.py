"""What references are and mean. Pure.

Within one answer the entry's `fullUrl` decides, and a reference to what no entry goes by stays as it was sent.
Source: FHIR R4, Bundle, "Resolving references in Bundles"; References, "Literal references"; Resource, "Resource id".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

import msgspec

from fhir_data.access import JsonObject, mapping, text

Target = TypeVar("Target")

_ID = r"[A-Za-z0-9.-]{1,64}"
# A system's own ids may hold more than FHIR allows.
_NAME = r"(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[^/#?\s]{1,255})"
_PROPER_ID = re.compile(rf"{_ID}\Z")
_VERSION = re.compile(rf"/_history/{_ID}\Z")
_RELATIVE = re.compile(rf"{_NAME}\Z")
_RESTFUL = re.compile(rf"(?P<base>https?://[^#?\s]+)/(?P<name>{_NAME})\Z")
_UUID = re.compile(r"urn:uuid:(?P<id>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\Z")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PATIENT = re.compile(r"(?:^|[/.])patient[/#?]", re.IGNORECASE)
# Read off the bytes, since walking every parsed resource costs several times as much.
_MEMBER = re.compile(rb'"reference"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
_ATTACHED = re.compile(rb'"url"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
# `url` of an attachment, `valueUri` and `valueUrl` of an extension, `whatUri` of a Provenance in STU3.
_ADDRESS = re.compile(rb'"(?:[A-Za-z]{0,20}U|u)r[il]"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
# The name of a member in which a letter is escaped, as no writer has to.
_ESCAPED_NAME = re.compile(rb'"(?:[A-Za-z]|\\u00[46][0-9A-Fa-f]|\\u00[57][0-9A-Fa-f]){1,64}"\s*:')
_BY_IDENTIFIER = "?identifier="
_DEFAULT_PORT = re.compile(r"(?<=[^/:]):(?:80|443)(?=/|\Z)")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry goes by: its `fullUrl` ("" for none) and its `Type/id` ("" where it has no id)."""

    full_url: str = ""
    name: str = ""

    @property
    def base(self) -> str:
        """The server that the entry is on, "" where its `fullUrl` does not say."""
        return base_of(full_url=self.full_url)


@lru_cache(maxsize=4096)
def base_of(*, full_url: str) -> str:
    """Return the base of a RESTful address, `https://a/fhir` of `https://a/fhir/Patient/1`; "" for any other."""
    match = _RESTFUL.match(full_url)
    return match["base"] if match else ""


def is_id(*, text: str) -> bool:
    """Whether a text is an id that FHIR allows."""
    return _PROPER_ID.match(text) is not None


def may_enter_path(*, text: str) -> bool:
    """Whether an id may be put into an address: one of dots alone would climb the path."""
    return is_id(text=text) and bool(text.strip("."))


def is_absolute(*, url: str) -> bool:
    """Whether an address has a scheme, as every `fullUrl` should."""
    return _ABSOLUTE.match(url) is not None


def without_version(*, reference: str) -> str:
    """Return a reference without the version that it asks for."""
    return _VERSION.sub("", reference) if "/_history/" in reference else reference


def split_relative(*, reference: str) -> tuple[str, str]:
    """Return the type and the id of a relative reference to no version; ("", "") for any other."""
    match = _RELATIVE.match(reference)
    return (match["type"], match["id"]) if match else ("", "")


def relative_name(*, reference: str) -> str:
    """Return a relative reference as `Type/id`, "" for any other."""
    text = without_version(reference=reference)
    return text if _RELATIVE.match(text) else ""


def split_absolute(*, reference: str) -> tuple[str, str]:
    """Return the base and the `Type/id` of a reference to a RESTful server; ("", "") for any other."""
    match = _RESTFUL.match(without_version(reference=reference))
    return (match["base"], match["name"]) if match else ("", "")


def uuid_of(*, reference: str) -> str:
    """Return the UUID of a `urn:uuid:`, in lower case; "" for any other text."""
    match = _UUID.match(reference)
    return match["id"].lower() if match else ""


def looks_like_a_patient(*, reference: str) -> bool:
    """Whether a reference, however it is spelt, seems to lead to a Patient."""
    return _PATIENT.search(reference) is not None


def references_in(*, resource: bytes) -> Iterator[str]:
    """Yield the references that a resource holds, as they were sent, in order of appearance; read off its bytes."""
    yield from _texts_of(_MEMBER, resource=resource)


def references_as_sent(*, resource: bytes, names_are_plain: bool = False) -> dict[bytes, None]:
    """Return the references that a resource holds as `references_in` finds them, each once, in quotes and escaped as
    they were sent: to look up what was read of the same bytes before. `unquoted` reads one.

    `names_are_plain`: it is known that no name of a member is escaped; then it may be several resources, too.
    """
    return dict.fromkeys(_MEMBER.findall(resource if names_are_plain else _in_plain_names(resource)))


def unquoted(quoted: bytes, /) -> str | None:
    """Return a text that was sent in quotes; None for one that cannot be read, of an entry that nobody has judged."""
    try:
        return str(json.loads(quoted)) if b"\\" in quoted else quoted[1:-1].decode()
    except ValueError:
        return None


def addresses_in(*, resource: bytes) -> Iterator[str]:
    """Yield the addresses that a resource holds, as `references_in` does, by whatever member, and of extensions too."""
    yield from _texts_of(_ADDRESS, resource=resource)


def attachments_in(*, resource: bytes) -> Iterator[str]:
    """Yield the addresses of what is attached to a resource, as `references_in` does, and those of extensions too."""
    yield from _texts_of(_ATTACHED, resource=resource)


def _texts_of(member: re.Pattern[bytes], /, *, resource: bytes) -> Iterator[str]:
    for quoted in member.findall(_in_plain_names(resource)):
        if (read := unquoted(quoted)) is not None:
            yield read


def has_plain_names(resource: bytes, /) -> bool:
    """Whether no name of a member of a resource, or of several, is escaped."""
    return b"\\u00" not in resource or not any(b"\\" in name for name in _ESCAPED_NAME.findall(resource))


def _in_plain_names(resource: bytes) -> bytes:
    """Return a resource in which no name of a member is escaped."""
    return resource if has_plain_names(resource) else _with_plain_names(resource)


def _with_plain_names(resource: bytes) -> bytes:
    """Return a resource in which no name of a member is escaped; for its texts alone, as its numbers may change."""
    try:
        return json.dumps(json.loads(resource, parse_float=str, parse_int=str)).encode()
    except (ValueError, RecursionError):
        return resource  # an entry that nobody has judged yet


def text_of_reference(reference: JsonObject, /) -> str:
    """Return what a Reference says, as a text: of one that has only an identifier, as a search for it.

    Source: FHIR R4, References, "Logical references"; Bundle, "Conditional references".
    """
    if written := text(reference.get("reference")):
        return written
    identifier = mapping(reference.get("identifier"))
    value = text(identifier.get("value"))
    return f"{text(reference.get('type'))}{_BY_IDENTIFIER}{text(identifier.get('system'))}|{value}" if value else ""


def searched_identifier(*, reference: str) -> tuple[str, str] | None:
    """Return the type ("" for any) and `system|value` that a reference searches for; None for any other."""
    kind, separator, identifier = reference.partition(_BY_IDENTIFIER)
    return (kind.rpartition("/")[2], unquote(identifier).strip()) if separator else None


class LikelyName(msgspec.Struct, frozen=True, kw_only=True):
    """What a reference seems to name, without case, space, scheme, version and what follows `?` or `#`.

    `base` is "" where no server is named, `kind` where no type is.
    """

    base: str
    kind: str
    id: str


@lru_cache(maxsize=4096)
def likely_name(*, reference: str) -> LikelyName:
    """Return what a reference seems to name, however it is spelt: for withholding, not for finding what is meant."""
    plain = re.split(r"[?#|]", unquote(reference), maxsplit=1)[0].strip().casefold()
    if plain.startswith("urn:"):
        return LikelyName(base="", kind="", id=plain.rpartition(":")[2])
    _, _, rest = plain.rpartition("://")
    parts = [part.strip() for part in rest.partition("/_history")[0].split("/") if part.strip(" .")]
    *base, kind, key = ["", "", *parts]
    return LikelyName(base=_DEFAULT_PORT.sub("", "/".join(filter(None, base))), kind=kind, id=key)


def with_objects_changed(value: Any, /, *, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Return a copy of parsed JSON in which every object is what `change` makes of it, the innermost first.

    Every rewriting of references goes through this. The recursion is safe: the limits bound the depth.
    """
    if isinstance(value, list):
        return [with_objects_changed(element, change=change) for element in value]
    if not isinstance(value, dict):
        return value
    return change({name: with_objects_changed(member, change=change) for name, member in value.items()})


class Directory(Generic[Target]):
    """The entries of one answer, found by what other entries call them. Of two with one address, the first counts."""

    def __init__(self, *, entries: Iterable[tuple[Address, Target]]) -> None:
        self._by_url: dict[str, Target] = {}
        self._by_uuid: dict[str, Target] = {}
        self._by_name: dict[str, dict[str, Target]] = {}
        for address, target in entries:
            if address.full_url:
                self._by_url.setdefault(address.full_url, target)
                if key := uuid_of(reference=address.full_url):
                    self._by_uuid.setdefault(key, target)
            if address.name:
                self._by_name.setdefault(address.name, {}).setdefault(address.base, target)
                self._by_uuid.setdefault(address.name.partition("/")[2].lower(), target)

    def find(self, *, reference: str, within: str = "") -> Target | None:
        """Return what a reference means in the entry whose `fullUrl` is `within`; None when that is not in this answer.

        A relative reference is to the server of the entry that it stands in. An absolute one never means an entry that
        is known to be on another server.
        """
        text = without_version(reference=reference)
        if text in self._by_url:
            return self._by_url[text]
        if name := relative_name(reference=text):
            return self._named(name=name, base=base_of(full_url=within))
        if name := split_absolute(reference=text)[1]:
            return self._by_name.get(name, {}).get("")
        return self._by_uuid.get(uuid_of(reference=text))

    def _named(self, *, name: str, base: str) -> Target | None:
        held = self._by_name.get(name)
        if not held:
            return None
        if base in held:
            return held[base]
        if not base:  # where one id is on several servers, nothing says which is meant
            return next(iter(held.values())) if len(held) == 1 else None
        return held.get("")
