"""The Spine codes of an OperationOutcome in XML, which some practices' systems send whatever they are asked for. Pure.

Nothing else is read in XML. A document type is refused, and with it every entity that it could declare.
"""

from __future__ import annotations

from xml.parsers import expat

from fhir_data.limits import MAX_DEPTH

MAX_BYTES = 200_000  # an outcome has a few thousand
_FHIR = "http://hl7.org/fhir"
_CODE = ["OperationOutcome", "issue", "details", "coding", "code"]


class _NotReadError(Exception):
    """What is read is not worth reading on."""


def codes_in_xml(*, body: bytes) -> tuple[str, ...]:
    """Return the codes of the details of each issue; nothing of what is no OperationOutcome, or cannot be read."""
    if len(body) > MAX_BYTES:
        return ()
    codes: list[str] = []
    path: list[str] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        namespace, _, element = name.rpartition(" ")
        path.append(element if namespace in ("", _FHIR) else name)
        if len(path) > MAX_DEPTH or path[0] != _CODE[0]:
            raise _NotReadError
        if path == _CODE:
            codes.append(attributes.get("value", ""))

    def end(_: str) -> None:
        path.pop()

    def refuse(*_: object) -> None:
        raise _NotReadError

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, _NotReadError, ValueError, LookupError):
        return ()
    return tuple(codes)
