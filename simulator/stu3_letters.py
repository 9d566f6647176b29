"""Writes the letters that came to a practice: a pointer in the record, and the content, which is fetched by itself.

Source: GP Connect Access Document 1.5, "DocumentReference" and "Retrieve a document"; FHIR STU3, Binary.
"""

from __future__ import annotations

import base64

from simulator.facts import Paper
from simulator.pdf import pdf_of
from simulator.stu3_page import PracticePage
from simulator.wire import Resource


def write_letter(*, page: PracticePage, paper: Paper, encounter: str) -> str:
    """Write a letter and its content; return the reference to the letter.

    The address of the content is relative; the server makes it one of its own.
    """
    content = pdf_of(lines=paper.text.splitlines())
    binary = page.add(_binary(page=page, paper=paper, content=content))
    written = paper.written_at.isoformat(timespec="seconds")
    return page.add(
        page.new(kind="DocumentReference", key=paper.key)
        | {
            "status": "current",
            "type": page.codeable(concept=paper.concept),
            "subject": page.patient,
            "created": written[:10],
            "indexed": written,
            "author": [page.clinician(key=paper.key)],
            "custodian": page.organisation,
            "description": paper.title,
            "content": [
                {"attachment": {"contentType": "application/pdf", "url": binary, "size": len(content)}},
            ],
            "context": {"encounter": {"reference": encounter}},
        }
    )


def _binary(*, page: PracticePage, paper: Paper, content: bytes) -> Resource:
    return {
        "resourceType": "Binary",
        "id": page.id(kind="Binary", key=paper.key),
        "contentType": "application/pdf",
        "content": base64.b64encode(content).decode(),
    }
