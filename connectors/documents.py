"""What every kind does to fetch a document: which addresses it asks, and how it reads the Binary that comes. Pure.

Source: FHIR R4 and STU3, Binary; GP Connect Access Document 1.5, "Retrieve a document".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from connectors.addresses import is_on_server, is_within
from connectors.contract.errors import Malformed, NotAsked
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Channels, Connector
from connectors.contract.values import Document, SourceAddress
from connectors.reading import split_answer
from connectors.transport.limits import Allowance
from connectors.transport.offload import Offload, Work
from connectors.transport.pace import Steps
from fhir_data.limits import MAX_DOCUMENT_BYTES
from fhir_data.size import rough_count
from fhir_data.splitting import members, without_mark

# The largest document in base64, and what else a Binary says of itself.
MAX_ANSWER_BYTES = MAX_DOCUMENT_BYTES * 4 // 3 + 64 * 1024
# An id may hold more than FHIR allows, as real ones do.
_RELATIVE = re.compile(r"Binary/[A-Za-z0-9._-]{1,255}(?:/_history/[A-Za-z0-9.-]{1,64})?\Z")
# A path that ends in a document: no operation, and no query that would have the server do more than read.
_WHOLE = re.compile(r"[^?#;$]+/(?:Binary|DocumentReference)/[A-Za-z0-9._-]{1,255}(?:/_history/[A-Za-z0-9.-]{1,64})?\Z")
_CONTENT_NAMES = ("data", "content")
_CLIMBING = re.compile(r"/\.+(?:/|\Z)|%25")


def allowance() -> Allowance:
    """Return how much may come in answer to a read of one document."""
    return Allowance(left=MAX_ANSWER_BYTES)


def address_of(*, address: str, base: str, beside_base: bool = False) -> str:
    """Return the whole address of a document of the server at `base`.

    `beside_base`: it need not lie under the base, only on the same server.
    Raises: NotAsked `elsewhere` for any other address, and for one that names no document.
    """
    if _CLIMBING.search(address):
        raise NotAsked(Reason.ELSEWHERE)
    if _RELATIVE.match(address):
        return f"{base.rstrip('/')}/{address}"
    own = is_on_server(url=address, base=base) if beside_base else is_within(url=address, base=base)
    if not own or not _WHOLE.match(address):
        raise NotAsked(Reason.ELSEWHERE)
    return address


async def read(
    *,
    body: bytes,
    content_name: str,
    connector: type[Connector],
    source: SourceAddress,
    channels: Channels,
    deadline: float,
) -> Document:
    """Read the Binary that a source sent, as `read_binary` does; a large one in a process of its own.

    Raises: SourceError.
    """
    work = Work(
        function=read_binary,
        bodies=(body,),
        inputs={"content_name": content_name},
        result=Document,
        connector=connector,
    )
    return await channels.get(Offload).do(work, source_id=source.source_id, deadline=deadline)


def read_binary(*, bodies: Sequence[bytes], content_name: str) -> Steps[Document]:
    """Return the document in a Binary; `content_name` is the member that holds it: `data` in R4, `content` in STU3.

    Where that is not there, the other release's is taken, or the document would look empty.
    Raises: Malformed `not-fhir` for anything else.
    """
    (body,) = bodies
    yield rough_count(body=body)
    if split_answer(payload=body).resource_type != "Binary":
        raise Malformed(Reason.NOT_FHIR)
    try:
        found = members(body=without_mark(body))
        if content_name not in found:
            content_name = next((name for name in _CONTENT_NAMES if name in found), content_name)
        content_type = msgspec.json.decode(found.get("contentType", b'""'), type=str)
        encoded = msgspec.json.decode(found.get(content_name, b'""'), type=str)
    except (msgspec.MsgspecError, UnicodeError, ValueError):
        raise Malformed(Reason.NOT_FHIR) from None
    if not _labels_can_be_read(found.get("meta", b"{}")):
        raise Malformed(Reason.NOT_FHIR)  # so it cannot be known whether it may be shown
    head = {name: msgspec.Raw(value) for name, value in found.items() if name != content_name}
    return Document(content_type=content_type, encoded=encoded, head=msgspec.json.encode(head))


class _Coding(msgspec.Struct):
    system: str | None = None
    code: str | None = None


class _Meta(msgspec.Struct):
    security: list[_Coding] | None = None


def _labels_can_be_read(meta: bytes) -> bool:
    try:
        msgspec.json.decode(meta, type=_Meta)
    except msgspec.MsgspecError:
        return False
    return True
