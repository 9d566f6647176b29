"""The security labels that a resource carries. Pure."""

from __future__ import annotations

import msgspec

from aggregator.record.item import Label


# A member may be null: that breaks the standard, and the models let it pass.
class _Coding(msgspec.Struct):
    system: str | None = None
    code: str | None = None


class _Meta(msgspec.Struct):
    security: list[_Coding] | None = None


class _Resource(msgspec.Struct):
    meta: _Meta | None = None


_DECODER = msgspec.json.Decoder(_Resource)


def labels_of(*, resource: bytes) -> tuple[Label, ...]:
    """Return the codings of `meta.security`, in order, without space around them. Source: FHIR R4 security labels."""
    meta = _DECODER.decode(resource).meta
    return tuple(
        Label(system=(coding.system or "").strip(), code=(coding.code or "").strip())
        for coding in (meta.security if meta else None) or ()
    )
