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


class _Concept(msgspec.Struct):
    coding: list[_Coding] | None = None


class _Contained(msgspec.Struct):
    meta: _Meta | None = None
    securityLabel: list[_Concept] | None = None  # noqa: N815  as FHIR spells it
    confidentiality: str | None = None


class _Resource(_Contained):
    contained: list[_Contained] | None = None


_DECODER = msgspec.json.Decoder(_Resource)


def labels_of(*, resource: bytes) -> tuple[Label, ...]:
    """Return the security labels of a resource, in order, without space around them, and those of what it contains.

    They are `meta.security`, a document's own `securityLabel` and a composition's `confidentiality`.
    Source: FHIR R4 and STU3, security labels; DocumentReference; Composition.
    """
    try:
        sent = _DECODER.decode(resource)
    except msgspec.ValidationError:
        return tuple(_read_loosely(parse(resource=resource)))
    return tuple(label for part in (sent, *(sent.contained or ())) for label in _labels_in(part))


def _labels_in(part: _Contained, /) -> Iterator[Label]:
    codings = [*((part.meta and part.meta.security) or ())]
    codings += [coding for concept in part.securityLabel or () for coding in concept.coding or ()]
    yield from (_label(system=coding.system or "", code=coding.code or "") for coding in codings)
    if part.confidentiality:
        yield _label(system="", code=part.confidentiality)


def _read_loosely(resource: JsonObject) -> Iterator[Label]:
    """Yield the labels of a resource with a flaw beside them."""
    for part in (resource, *mappings(listed(resource.get("contained")))):
        concepts = mappings(listed(part.get("securityLabel")))
        codings = mappings(listed(mapping(part.get("meta")).get("security")))
        codings += [coding for concept in concepts for coding in mappings(listed(concept.get("coding")))]
        for coding in codings:
            yield _label(system=text(coding.get("system")), code=text(coding.get("code")))
        if confidentiality := text(part.get("confidentiality")):
            yield _label(system="", code=confidentiality)


def _label(*, system: str, code: str) -> Label:
    return Label(system=system.strip(), code=code.strip())
