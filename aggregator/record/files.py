"""What a document really is, whatever its source calls it: told by its bytes, and refused where the two disagree. Pure.

Only types that a browser shows without running anything are ever shown; all else is text or a file to save.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from aggregator.record.invisible import made_visible

LARGEST = 10 * 1024 * 1024  # bytes


class FileKind(StrEnum):
    """What a file is, by its first bytes. `words` are for people; `media_type` is what it is served as."""

    words: str
    media_type: str
    is_shown: bool

    def __new__(cls, value: str, words: str = "", media_type: str = "", is_shown: bool = False) -> FileKind:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        member.media_type = media_type
        member.is_shown = is_shown
        return member

    PDF = "pdf", "PDF", "application/pdf", True
    PNG = "png", "PNG picture", "image/png", True
    JPEG = "jpg", "JPEG picture", "image/jpeg", True
    GIF = "gif", "GIF picture", "image/gif", True
    TIFF = "tif", "TIFF picture", "image/tiff"
    RTF = "rtf", "Rich text", "application/rtf"
    TEXT = "txt", "Text", "text/plain; charset=utf-8", True
    OTHER = "bin", "Another kind of file", "application/octet-stream"


class FileProblem(StrEnum):
    """Why a document is not opened. `words` are for people."""

    words: str

    def __new__(cls, value: str, words: str = "") -> FileProblem:
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = words
        return member

    NOT_HELD = "not-held", "The document did not come with the record: its source only says where it is."
    UNREADABLE = "unreadable", "What the source sent cannot be read as a document."
    EMPTY = "empty", "The source sent a document without any content."
    TOO_LARGE = "too-large", "The document is larger than 10 MB, which is the most that can be opened here."
    WRONG_LENGTH = "wrong-length", "The document is not as long as its source says, so part of it may be missing."
    WRONG_TYPE = "wrong-type", "The document is not of the type that its source says."
    ALTERED = "altered", "The document is not the one that its source describes: its checksum is another."


@dataclass(frozen=True, kw_only=True)
class OpenedFile:
    """A document that may be opened: what it is, and its bytes, which of text are UTF-8."""

    kind: FileKind
    content: bytes

    @property
    def shown(self) -> bytes:
        """The bytes as they are put on the screen: in a text, what a reader cannot see is made visible."""
        if self.kind is not FileKind.TEXT:
            return self.content
        return made_visible(text=self.content.decode().removeprefix("\ufeff")).encode()


_MAGIC: tuple[tuple[bytes, FileKind], ...] = (
    (b"%PDF-", FileKind.PDF),
    (b"\x89PNG\r\n\x1a\n", FileKind.PNG),
    (b"\xff\xd8\xff", FileKind.JPEG),
    (b"GIF87a", FileKind.GIF),
    (b"GIF89a", FileKind.GIF),
    (b"II*\x00", FileKind.TIFF),
    (b"MM\x00*", FileKind.TIFF),
    (b"{\\rtf", FileKind.RTF),
)
_KIND_OF_TYPE: Mapping[str, FileKind] = {
    "application/pdf": FileKind.PDF,
    "application/x-pdf": FileKind.PDF,
    "image/png": FileKind.PNG,
    "image/jpeg": FileKind.JPEG,
    "image/jpg": FileKind.JPEG,
    "image/pjpeg": FileKind.JPEG,
    "image/gif": FileKind.GIF,
    "image/tiff": FileKind.TIFF,
    "image/tif": FileKind.TIFF,
    "image/x-tiff": FileKind.TIFF,
    "application/rtf": FileKind.RTF,
    "text/rtf": FileKind.RTF,
}
_WORDS_OF_TYPE = {"text/plain": FileKind.TEXT.words, "text/html": "Web page"}
_TELLS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})
# Word processors write both under one name.
_MAY_BE_RTF = frozenset({"application/msword", "text/plain"})
_BINARY_KINDS = frozenset(kind for _, kind in _MAGIC if kind is not FileKind.RTF)
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
# Characters that no text holds: what has them is no text, or means to hide something.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-16"})
_SPACE = str.maketrans("", "", " \t\r\n")


def open_file(
    *, encoded: str, content_types: Iterable[str] = (), size: str = "", sha1: str = ""
) -> OpenedFile | FileProblem:
    """Return a document from its base64, or why it is not opened.

    `content_types`, `size` (in bytes) and `sha1` (in base64) are what its source says of it; what is "" was not said.
    Source: FHIR R4, Attachment and base64Binary; RFC 4648.
    """
    if len(encoded) > 2 * LARGEST:
        return FileProblem.TOO_LARGE
    try:
        content = base64.b64decode(encoded.translate(_SPACE), validate=True)
    except (binascii.Error, ValueError):
        return FileProblem.UNREADABLE
    if not content:
        return FileProblem.EMPTY
    if len(content) > LARGEST:
        return FileProblem.TOO_LARGE
    if size and size != str(len(content)):
        return FileProblem.WRONG_LENGTH
    if sha1 and sha1.translate(_SPACE) != _sha1(content):
        return FileProblem.ALTERED
    types = [name.lower() for name in content_types]
    words = _as_text(content, types)
    kind = kind_of(content=content, is_text=words is not None)
    if not all(_may_be(kind, name) for name in types):
        return FileProblem.WRONG_TYPE
    return OpenedFile(kind=kind, content=words if kind is FileKind.TEXT and words is not None else content)


def kind_of(*, content: bytes, is_text: bool) -> FileKind:
    """Return what a file is by its first bytes; what they do not tell is text, or another kind of file."""
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    return FileKind.TEXT if is_text else FileKind.OTHER


def type_in_words(content_type: str, /) -> str:
    """Return what a source says that a file is as a person calls it; another type as it was sent."""
    name = content_type.partition(";")[0].strip().lower()
    kind = _KIND_OF_TYPE.get(name)
    return kind.words if kind else _WORDS_OF_TYPE.get(name, content_type)


def size_in_words(*, size: int) -> str:
    """Return a number of bytes as a person reads it."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.0f} KB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def _sha1(content: bytes) -> str:
    return base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()


def _may_be(kind: FileKind, content_type: str) -> bool:
    """Return whether a file of a kind may rightly go by a type."""
    name = content_type.partition(";")[0].strip()
    if name in _TELLS_NOTHING or kind is _KIND_OF_TYPE.get(name):
        return True
    if name in _KIND_OF_TYPE:
        return False
    return kind not in _BINARY_KINDS and (kind is not FileKind.RTF or name in _MAY_BE_RTF)


def _as_text(content: bytes, content_types: Iterable[str]) -> bytes | None:
    """Return a text as UTF-8; None for what is no text in the encoding named, which is UTF-8 if none is."""
    named = next((match[1].lower() for name in content_types if (match := _CHARSET.search(name))), "utf-8")
    if named not in _CHARSETS:
        return None
    try:
        words = content.decode(named).removeprefix("\ufeff")
    except UnicodeError:
        return None
    return None if _NO_TEXT.search(words) else words.encode()
