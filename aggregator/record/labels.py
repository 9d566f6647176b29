"""The security labels that a resource carries. Pure."""

from __future__ import annotations

import msgspec

from aggregator.record.item import Label


class _Coding(msgspec.Struct):
    system: str = ""
    code: str = ""


class _Meta(msgspec.Struct):
    security: list[_Coding] = []


class _Resource(msgspec.Struct):
    meta: _Meta | None = None


_DECODER = msgspec.json.Decoder(_Resource)


def labels_of(*, resource: bytes) -> tuple[Label, ...]:
    """Return the codings of `meta.security`, in order. Source: FHIR R4 security labels."""
    meta = _DECODER.decode(resource).meta
    return tuple(Label(system=coding.system, code=coding.code) for coding in meta.security) if meta else ()
