"""Retrieved items, sealed, and deleted when the retrieval expires. Only this room touches them.

A source's answers are one blob: encoded, compressed, padded and sealed (AES-256-GCM) with the retrieval's own key,
which is itself sealed by the master key and kept in the database. So neither Redis nor the database alone can be read.
"""

from __future__ import annotations

import os
import struct
from typing import TypeVar
from uuid import UUID

import msgspec
import redis
import redis.asyncio
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aggregator.federation.answers import HeldAnswer, HeldDocument

FORMAT_VERSION = 3
NONCE_BYTES = 12
KEY_BYTES = 32
# Encryption does not hide lengths; padding hides small differences.
PADDING_BYTES = 4096
_LENGTH = struct.Struct(">Q")


class SealBroken(Exception):
    """A held answer was truncated, moved or changed, or sealed with another key, or its form is not known here."""


Held = TypeVar("Held")

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[HeldAnswer, ...])
_DOCUMENT_DECODER = msgspec.msgpack.Decoder(HeldDocument)


def new_wrapped_key(*, master_key: bytes, retrieval_id: UUID) -> bytes:
    """Return a new key for one retrieval, sealed by the master key."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(master_key).encrypt(nonce, os.urandom(KEY_BYTES), _wrap_context(retrieval_id))


class Sealer:
    """Seals and opens the answers of one retrieval.

    Raises: SealBroken when the wrapped key does not belong to this retrieval and master key.
    """

    def __init__(self, *, master_key: bytes, wrapped_key: bytes, retrieval_id: UUID) -> None:
        try:
            data_key = _opened(AESGCM(master_key), sealed=bytes(wrapped_key), context=_wrap_context(retrieval_id))
        except InvalidTag:
            raise SealBroken("wrapped key") from None
        self._cipher = AESGCM(data_key)
        self._retrieval_id = retrieval_id

    def seal(self, *, source_id: UUID, answers: tuple[HeldAnswer, ...]) -> bytes:
        """Return the sealed blob of one source's answers, one per identifier."""
        return self._sealed(_ENCODER.encode(answers), context=self._context(source_id))

    def open(self, *, source_id: UUID, blob: bytes) -> tuple[HeldAnswer, ...]:
        """Return what was sealed.

        Raises: SealBroken when the blob is not the one sealed for this retrieval and source.
        """
        return _decoded(_DECODER, self._unsealed(blob, context=self._context(source_id)))

    def seal_document(self, *, document_id: str, document: HeldDocument) -> bytes:
        """Return the sealed blob of a document that was asked for."""
        return self._sealed(_ENCODER.encode(document), context=self._document_context(document_id))

    def open_document(self, *, document_id: str, blob: bytes) -> HeldDocument:
        """Return what was sealed.

        Raises: SealBroken when the blob is not the one sealed for this retrieval and document.
        """
        return _decoded(_DOCUMENT_DECODER, self._unsealed(blob, context=self._document_context(document_id)))

    def _sealed(self, content: bytes, *, context: bytes) -> bytes:
        packed = zstandard.ZstdCompressor(level=1).compress(content)
        framed = _LENGTH.pack(len(packed)) + packed
        padded = framed.ljust(-(-len(framed) // PADDING_BYTES) * PADDING_BYTES, b"\0")
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, padded, context)

    def _unsealed(self, blob: bytes, *, context: bytes) -> bytes:
        try:
            padded = _opened(self._cipher, sealed=blob, context=context)
        except InvalidTag:
            raise SealBroken("held answer") from None
        (length,) = _LENGTH.unpack_from(padded)
        return zstandard.ZstdDecompressor().decompress(padded[_LENGTH.size : _LENGTH.size + length])

    def _context(self, source_id: UUID) -> bytes:
        return f"held|{self._retrieval_id}|{source_id}|{FORMAT_VERSION}".encode()

    def _document_context(self, document_id: str) -> bytes:
        return f"document|{self._retrieval_id}|{document_id}|{FORMAT_VERSION}".encode()


def _decoded(decoder: msgspec.msgpack.Decoder[Held], content: bytes) -> Held:
    try:
        return decoder.decode(content)
    except msgspec.DecodeError:  # as of a worker of another version
        raise SealBroken("form") from None


def _opened(cipher: AESGCM, *, sealed: bytes, context: bytes) -> bytes:
    if len(sealed) < NONCE_BYTES:
        raise InvalidTag  # the cipher raises a different error for a short nonce
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)


async def put(*, client: redis.asyncio.Redis, retrieval_id: UUID, source_id: UUID, blob: bytes, ttl_s: float) -> None:
    """Hold a sealed answer for `ttl_s` seconds."""
    await client.set(_name(retrieval_id, source_id), blob, px=max(1, int(ttl_s * 1000)))


def get(*, client: redis.Redis, retrieval_id: UUID, source_ids: list[UUID]) -> dict[UUID, bytes]:
    """Return the sealed answers that are still held, by source.

    Raises: redis.RedisError when the store cannot be reached.
    """
    if not source_ids:
        return {}
    blobs = client.mget([_name(retrieval_id, source_id) for source_id in source_ids])
    return {source_id: blob for source_id, blob in zip(source_ids, blobs, strict=True) if isinstance(blob, bytes)}


def which_are_held(*, client: redis.Redis, answers: list[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Return those answers (pairs of retrieval and source) that are still held.

    Raises: redis.RedisError when the store cannot be reached.
    """
    return {answer for answer in answers if client.exists(_name(*answer))}


def document_name(*, retrieval_id: UUID, document_id: str) -> str:
    """Return the name under which a document that was asked for is held."""
    return f"document:{retrieval_id}:{document_id}"


def _name(retrieval_id: UUID, source_id: UUID) -> str:
    return f"held:{retrieval_id}:{source_id}"


def _wrap_context(retrieval_id: UUID) -> bytes:
    return f"wrap|{retrieval_id}|{FORMAT_VERSION}".encode()
