"""A document is what its bytes say, and is opened only if that is what its source says of it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from aggregator.record.attachments import Attachment, encoded_content
from aggregator.record.files import LARGEST, FileKind, FileProblem, OpenedFile, open_file, size_in_words
from aggregator.record.merge import merge
from aggregator.record.timeline import Entry
from tests.factories import item

Json = dict[str, Any]
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3 ..."
PNG = b"\x89PNG\r\n\x1a\n...."
ZIP = b"PK\x03\x04\x14\x00\xff\xfe"
SAMPLES = {
    FileKind.PDF: PDF,
    FileKind.PNG: PNG,
    FileKind.JPEG: b"\xff\xd8\xff\xe0....",
    FileKind.GIF: b"GIF89a....",
    FileKind.TIFF: b"II*\x00....",
    FileKind.RTF: b"{\\rtf1 Dear Dr}",
    FileKind.TEXT: "Dear Dr Ferris\r\n\tNaïve".encode(),
    FileKind.OTHER: ZIP,
}


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def opened(content: bytes, *content_types: str, **said: str) -> OpenedFile | FileProblem:
    return open_file(encoded=encoded(content), content_types=content_types, **said)


@pytest.mark.parametrize(("kind", "content"), SAMPLES.items())
def test_a_document_is_what_its_first_bytes_say(kind: FileKind, content: bytes) -> None:
    assert opened(content) == OpenedFile(kind=kind, content=content)


def test_only_what_a_browser_shows_without_running_anything_is_shown() -> None:
    assert {kind for kind in FileKind if kind.is_shown} == {
        *(FileKind.PDF, FileKind.PNG, FileKind.JPEG, FileKind.GIF, FileKind.TEXT)
    }


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PDF, "application/pdf"),
        (PDF, "Application/PDF; version=1"),
        (PDF, "application/octet-stream"),
        (SAMPLES[FileKind.JPEG], "image/jpg"),
        (SAMPLES[FileKind.RTF], "application/msword"),
        (SAMPLES[FileKind.RTF], "text/plain"),
        (SAMPLES[FileKind.TEXT], "text/plain"),
        (ZIP, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
)
def test_what_is_as_it_is_said_to_be_is_opened(content: bytes, content_type: str) -> None:
    assert isinstance(opened(content, content_type), OpenedFile)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PNG, "application/pdf"),
        (b"<html><script>alert(1)</script>", "application/pdf"),
        (PDF, "text/plain"),
        (PDF, "image/png"),
        (ZIP, "application/pdf"),
        (SAMPLES[FileKind.RTF], "text/html"),
        (SAMPLES[FileKind.TEXT], "application/rtf"),
        (PDF, "application/msword"),
    ],
)
def test_what_is_of_another_type_than_said_is_not_opened(content: bytes, content_type: str) -> None:
    assert opened(content, content_type) is FileProblem.WRONG_TYPE


def test_all_that_is_said_of_the_type_must_be_so() -> None:
    assert opened(PDF, "application/pdf", "image/png") is FileProblem.WRONG_TYPE


@pytest.mark.parametrize("content_type", ["text/html", "application/xhtml+xml", "image/svg+xml", "application/xml"])
def test_what_could_run_is_only_ever_text(content_type: str) -> None:
    markup = b"<script>alert(1)</script>"
    assert opened(markup, content_type) == OpenedFile(kind=FileKind.TEXT, content=markup)
    assert FileKind.TEXT.media_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("content", "content_type", "kind", "shown"),
    [
        ("Müller".encode("latin-1"), "text/plain; charset=iso-8859-1", FileKind.TEXT, "Müller".encode()),
        ("Müller".encode("latin-1"), "text/plain", FileKind.OTHER, "Müller".encode("latin-1")),
        ("\ufeffDear".encode(), "text/plain", FileKind.TEXT, b"Dear"),
        (b"a\x00b", "text/plain", FileKind.OTHER, b"a\x00b"),
        (b"a\x1b[2Jb", "text/plain", FileKind.OTHER, b"a\x1b[2Jb"),
        (b"+AGE-", "text/plain; charset=utf-7", FileKind.OTHER, b"+AGE-"),
        (b"abc", "text/plain; charset=punycode", FileKind.OTHER, b"abc"),
    ],
)
def test_a_text_is_told_in_utf_8_or_is_no_text(content: bytes, content_type: str, kind: FileKind, shown: bytes) -> None:
    assert opened(content, content_type) == OpenedFile(kind=kind, content=shown)


def test_a_length_or_checksum_that_is_not_so_is_said() -> None:
    assert isinstance(opened(PDF, size=str(len(PDF))), OpenedFile)
    assert opened(PDF, size=str(len(PDF) + 1)) is FileProblem.WRONG_LENGTH
    assert opened(PDF, size="many") is FileProblem.WRONG_LENGTH
    checksum = encoded(hashlib.sha1(PDF, usedforsecurity=False).digest())
    assert isinstance(opened(PDF, sha1=checksum), OpenedFile)
    assert opened(PDF + b" ", sha1=checksum) is FileProblem.ALTERED


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("%%%", FileProblem.UNREADABLE),
        ("abc", FileProblem.UNREADABLE),
        ("", FileProblem.EMPTY),
        ("\n", FileProblem.EMPTY),
    ],
)
def test_what_is_no_base64_or_nothing_is_said(sent: str, problem: FileProblem) -> None:
    assert open_file(encoded=sent) is problem


def test_base64_may_be_written_on_lines() -> None:
    written = "\r\n".join([encoded(PDF)[:8], encoded(PDF)[8:]])
    assert open_file(encoded=written) == OpenedFile(kind=FileKind.PDF, content=PDF)


def test_a_document_of_the_largest_size_is_opened_and_no_larger_one() -> None:
    content = b"%PDF-" + b" " * (LARGEST - 5)
    assert isinstance(opened(content), OpenedFile)
    assert opened(content + b" ") is FileProblem.TOO_LARGE
    assert open_file(encoded="A" * (2 * LARGEST + 1)) is FileProblem.TOO_LARGE


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 KB"), (315_497, "315 KB"), (9_960_000, "10.0 MB")]
)
def test_a_size_is_said_in_words(size: int, words: str) -> None:
    assert size_in_words(size=size) == words


# Where the bytes are


def letter(*attachments: Json, **members: Any) -> Json:
    return {
        "resourceType": "DocumentReference",
        "id": "d",
        "status": "current",
        "type": {"text": "Letter"},
        "content": [{"attachment": attachment} for attachment in attachments],
        **members,
    }


def binary(**members: Any) -> Json:
    return {"resourceType": "Binary", "id": "b", "contentType": "application/pdf", "data": encoded(PDF), **members}


def entry_of(*resources: Json) -> tuple[Entry, tuple[Entry, ...]]:
    entries = merge(items=[item(resource=resource) for resource in resources]).entries.values()
    (first,) = [entry for entry in entries if resources[0]["resourceType"].encode() in entry.items[0].resource]
    return first, tuple(entries)


def bytes_of(attachment: Attachment, *entries: Entry) -> bytes | None:
    found = encoded_content(attachment=attachment, items=[each for entry in entries for each in entry.items])
    return base64.b64decode(found) if found else None


def test_bytes_within_the_letter_are_at_hand() -> None:
    entry, _ = entry_of(letter({"url": "Binary/gone"}, {"contentType": "application/pdf", "data": encoded(PDF)}))
    away, here = entry.attachments
    assert (away.held, away.address, bytes_of(away, entry)) == (None, "Binary/gone", None)
    assert bytes_of(here, entry) == PDF


@pytest.mark.parametrize("address", ["Binary/b", "#inner"])
def test_bytes_beside_or_inside_the_letter_are_at_hand(address: str) -> None:
    beside = letter({"contentType": "image/png", "url": address}, contained=[binary(id="inner")])
    entry, everything = entry_of(beside, binary())
    (attachment,) = entry.attachments
    assert bytes_of(attachment, *everything) == PDF
    assert attachment.content_types == ("image/png", "application/pdf")


def test_a_file_beside_its_letter_is_drawn_with_it_and_a_file_alone_by_itself() -> None:
    record = merge(items=[item(resource=letter({"url": "Binary/b"})), item(resource=binary())])
    assert [record.entries[key].heading for key in record.drawn_within] == ["A file without a description"]
    alone = merge(items=[item(resource=binary())])
    (entry,) = alone.entries.values()
    assert not alone.drawn_within
    assert bytes_of(entry.attachments[0], entry) == PDF


@pytest.mark.parametrize(
    ("address", "may_be"),
    [
        ("https://gp.example/Binary/1", True),
        ("Binary/1", True),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("urn:uuid:1", False),
        ("https://a b", False),
        ("", False),
    ],
)
def test_only_a_web_address_may_be_where_a_source_keeps_a_document(address: str, may_be: bool) -> None:
    assert Attachment(address=address).may_be_at_source is may_be


def test_the_documents_of_reports_pictures_and_answers_are_at_hand() -> None:
    described = {"contentType": "application/pdf", "data": encoded(PDF)}
    for resource in (
        {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "r"}, "presentedForm": [described]},
        {"resourceType": "Media", "status": "completed", "content": described},
        {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "item": [{"item": [{"answer": [{"valueAttachment": described}]}]}],
        },
    ):
        entry, _ = entry_of(json.loads(json.dumps(resource)))
        (attachment,) = entry.attachments
        assert bytes_of(attachment, entry) == PDF


@pytest.mark.parametrize("content", ["no list", [None, "text"], [{"attachment": "text"}], [{"attachment": {"url": 7}}]])
def test_a_misshapen_letter_is_read_all_the_same(content: Any) -> None:
    entry, _ = entry_of(letter() | {"content": content})
    assert all(attachment.held is None for attachment in entry.attachments)
