"""The security labels that a resource carries. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from aggregator.record.item import Label
from aggregator.record.reading import parse
from fhir_data.access import JsonObject, listed, mapping, mappings, text


# A member may be null: that breaks the standard, and the models let it pass.
class _Coding(msgspec.Struct):
    system: str | None = None
    code: str | None = None


class _Meta(msgspec.Struct):
    security: list[_Coding] | None = None


class _Contained(msgspec.Struct):
    meta: _Meta | None = None


class _Resource(_Contained):
    contained: list[_Contained] | None = None


_DECODER = msgspec.json.Decoder(_Resource)


def labels_of(*, resource: bytes) -> tuple[Label, ...]:
    """Return the codings of `meta.security`, in order, without space around them, and those of contained resources.

    Source: FHIR R4 security labels.
    """
    try:
        sent = _DECODER.decode(resource)
    except msgspec.ValidationError:
        return tuple(_read_loosely(parse(resource=resource)))
    metas = [part.meta for part in (sent, *(sent.contained or ())) if part.meta]
    return tuple(
        _label(system=coding.system or "", code=coding.code or "") for meta in metas for coding in meta.security or ()
    )


def _read_loosely(resource: JsonObject) -> Iterator[Label]:
    """Yield the labels of a resource with a flaw beside them."""
    for part in (resource, *mappings(listed(resource.get("contained")))):
        for coding in mappings(mapping(part.get("meta")).get("security")):
            yield _label(system=text(coding.get("system")), code=text(coding.get("code")))


def _label(*, system: str, code: str) -> Label:
    return Label(system=system.strip(), code=code.strip())
