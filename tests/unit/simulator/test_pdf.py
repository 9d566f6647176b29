"""The PDF of a letter is what a reader of PDF expects."""

from __future__ import annotations

import re

from simulator.pdf import pdf_of

LETTER = pdf_of(lines=("Dear (colleague)", "c:\\temp"))


def test_the_table_at_the_end_says_where_each_object_begins() -> None:
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n\Z", LETTER)[1])  # type: ignore[index]
    assert LETTER[start:].startswith(b"xref\n0 6\n")
    offsets = [int(line[:10]) for line in LETTER[start:].splitlines()[3:8]]
    assert [LETTER[offset:].split(b"\n")[0] for offset in offsets] == [b"%d 0 obj" % n for n in range(1, 6)]


def test_the_stream_is_as_long_as_it_says() -> None:
    length, stream = re.search(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", LETTER, re.DOTALL).groups()  # type: ignore[union-attr]
    assert int(length) == len(stream)


def test_what_ends_a_text_is_escaped() -> None:
    assert rb"(Dear \(colleague\)) Tj T* (c:\\temp) Tj T*" in LETTER
