"""One document of an entry: opened, or why it is not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aggregator.record.attachments import Attachment, encoded_content
from aggregator.record.categories import CATEGORIES
from aggregator.record.completeness.words import outcome_words
from aggregator.record.files import FileProblem, OpenedFile, open_file, size_in_words
from aggregator.record.timeline import Entry
from aggregator.services.view_record import RecordView
from aggregator.web.banner import Banner
from aggregator.web.record.banner import record_banner
from aggregator.web.record.parts import document_shown
from aggregator.web.record.rows import Row
from aggregator.web.record.sections import row_maker
from aggregator.web.record.sources import names_of


@dataclass(frozen=True, kw_only=True)
class DocumentPage:
    """The page of one document. `problem` says why it is not opened, "" where it is; then the rest says what it is.

    `is_shown`: it is shown in a frame; else it can only be saved. `may_be_asked_for`: its source may be asked for it,
    as `asked_words` say where it has been. `is_awaited`: it is being asked.
    """

    retrieval_id: UUID
    banner: Banner
    row: Row
    section: str
    words: str
    number: int
    problem: str = ""
    kind: str = ""
    size: str = ""
    is_shown: bool = False
    source: str = ""
    may_be_asked_for: bool = False
    is_awaited: bool = False
    asked_words: str = ""


def document_page(*, view: RecordView, entry_key: str, number: int) -> DocumentPage | None:
    """Return what the page of a document shows; None when the record has no such document, or has it no longer."""
    entry, attachment = _attachment(view=view, entry_key=entry_key, number=number)
    if entry is None or attachment is None:
        return None
    opened = _opened(entry=entry, attachment=attachment, view=view)
    is_opened = isinstance(opened, OpenedFile)
    ending = view.fetched.ending if view.fetched else None
    is_awaited = view.fetched is not None and ending is None
    has_failed = ending is not None and not ending.outcome.is_answer
    return DocumentPage(
        retrieval_id=view.retrieval_id,
        banner=record_banner(view=view),
        row=row_maker(view=view).row(entry=entry),
        section=CATEGORIES[entry.category].title,
        words=document_shown(number=number, attachment=attachment).words,
        number=number,
        problem="" if isinstance(opened, OpenedFile) else opened.words,
        kind=opened.kind.words if isinstance(opened, OpenedFile) else "",
        size=size_in_words(size=len(opened.content)) if isinstance(opened, OpenedFile) else "",
        is_shown=is_opened and isinstance(opened, OpenedFile) and opened.kind.is_shown,
        source=names_of(statuses=view.sources).of(attachment.source_id),
        may_be_asked_for=opened is FileProblem.NOT_HELD and view.may_fetch and not is_awaited,
        is_awaited=is_awaited,
        asked_words=outcome_words(outcome=ending.outcome, reason=ending.reason or "") if ending and has_failed else "",
    )


def document_content(*, view: RecordView, entry_key: str, number: int) -> OpenedFile | None:
    """Return a document that may be opened, else None."""
    entry, attachment = _attachment(view=view, entry_key=entry_key, number=number)
    if entry is None or attachment is None:
        return None
    opened = _opened(entry=entry, attachment=attachment, view=view)
    return opened if isinstance(opened, OpenedFile) else None


def _attachment(*, view: RecordView, entry_key: str, number: int) -> tuple[Entry | None, Attachment | None]:
    return view.record.entries.get(entry_key), view.attachment(entry_key=entry_key, number=number)


def _opened(*, entry: Entry, attachment: Attachment, view: RecordView) -> OpenedFile | FileProblem:
    """Return a document, or why it is not opened. Its bytes are in the entry itself, or in another of the record."""
    others = (item for each in view.record.entries.values() for item in each.items)
    encoded = encoded_content(attachment=attachment, items=(*entry.items, *others, *view.record.supporting))
    content_types = attachment.content_types
    if encoded is None and view.fetched and view.fetched.ending and view.fetched.ending.outcome.is_answer:
        encoded = view.fetched.encoded
        content_types = (*content_types, *filter(None, [view.fetched.content_type.strip()]))
    if encoded is None:
        return FileProblem.NOT_HELD
    return open_file(encoded=encoded, content_types=content_types, size=attachment.size, sha1=attachment.sha1)
