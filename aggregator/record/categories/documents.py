"""Documents: letters, summaries and forms. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aggregator.record.attachments import Attachment, attachments_at, binary_content, listed_at
from aggregator.record.details import Line
from aggregator.record.files import size_in_words, type_in_words
from aggregator.record.measurements import value_text
from aggregator.record.names import name_of, names_of
from aggregator.record.parts import SentPart
from aggregator.record.reading import Resource, concept_text, quantity_text
from aggregator.record.rules import CategoryRules, TypeRules
from aggregator.record.sent import Sent
from aggregator.record.timeline import DetailLabel, Standing
from connectors.contract.categories import RecordCategory
from fhir_data.access import listed, mapping, mappings, text

LONGEST_SIZE = 12  # digits of a number of bytes that is worded
DEEPEST = 20  # levels of questions within questions


def _lines(sent: Sent) -> Iterator[Line]:
    resource = sent.resource
    description = text(resource.get("description"))
    yield DetailLabel.ABOUT, description if description != concept_text(resource.get("type")) else ""
    yield DetailLabel.AUTHOR, names_of(sent=sent, references=resource.get("author"))
    yield DetailLabel.ORGANISATION, name_of(sent=sent, reference=resource.get("custodian"))
    for content in mappings(resource.get("content")):
        attachment = mapping(content.get("attachment"))
        title = text(attachment.get("title"))
        yield DetailLabel.CALLED, title if title != text(resource.get("description")) else ""
        yield DetailLabel.WRITTEN, text(attachment.get("creation"))
        yield DetailLabel.FORMAT, type_in_words(text(attachment.get("contentType")))
        yield DetailLabel.SIZE, _size(text(attachment.get("size")))


def _size(sent: str) -> str:
    return size_in_words(size=int(sent)) if sent.isdecimal() and len(sent) <= LONGEST_SIZE else sent


def _documents(sent: Sent) -> Iterator[Attachment]:
    return attachments_at(sent, elements=listed_at(sent.resource, "content", "attachment"))


def _files(sent: Sent) -> Iterator[SentPart]:
    """Yield the files that came beside the document which points to them, and what it belongs with."""
    for content in mappings(sent.resource.get("content")):
        if address := text(mapping(content.get("attachment")).get("url")):
            yield SentPart(reference=address, is_own=True, is_told=True, is_expected=False)
    for related in mappings(sent.resource.get("relatesTo")):
        reference = text(mapping(related.get("target")).get("reference"))
        yield SentPart(reference=reference, is_expected=False)


def _file_words(sent: Sent) -> Iterator[object]:
    yield "A file without a description"


def _file_lines(sent: Sent) -> Iterator[Line]:
    yield DetailLabel.FORMAT, type_in_words(text(sent.resource.get("contentType")))


def _media(sent: Sent) -> Iterator[Attachment]:
    return attachments_at(sent, elements=listed_at(sent.resource, "content"))


# Questionnaires


def _questionnaire_lines(sent: Sent) -> Iterator[Line]:
    """Yield each question with its answers, in the words sent, a question within another under both their words."""
    status = text(sent.resource.get("status"))
    yield DetailLabel.STATUS, status if status != "completed" else ""
    yield DetailLabel.AUTHOR, name_of(sent=sent, reference=sent.resource.get("author"))
    for question, item in _questions(sent.resource.get("item")):
        answers = (_answer(answer) for answer in mappings(listed(item.get("answer"))))
        yield question, "; ".join(answer for answer in answers if answer)


def _questions(items: object, asked: tuple[str, ...] = ()) -> Iterator[tuple[str, Resource]]:
    for item in mappings(listed(items)) if len(asked) < DEEPEST else ():
        words = text(item.get("text")) or text(item.get("linkId"))
        path = (*asked, words) if words else asked
        yield " – ".join(path) or "Answer", item
        yield from _questions(item.get("item"), path)
        for answer in mappings(listed(item.get("answer"))):
            yield from _questions(answer.get("item"), path)


def _answer(answer: Resource) -> str:
    plain = [text(answer.get(f"value{kind}")) for kind in ("Decimal", "Date", "Uri")]
    coding = mapping(answer.get("valueCoding"))
    coded = concept_text({"coding": [coding]}) if coding else ""
    attachment = text(mapping(answer.get("valueAttachment")).get("title"))
    reference = mapping(answer.get("valueReference"))
    shown = [value_text(resource=answer), *plain, coded, attachment, text(reference.get("display"))]
    return next((words for words in shown if words), quantity_text(answer.get("valueQuantity")))


def _answered_by(sent: Sent) -> Iterator[SentPart]:
    """Yield the entries that are answers, each under its question."""
    for question, item in _questions(sent.resource.get("item")):
        pointers = (mapping(answer.get("valueReference")) for answer in mappings(listed(item.get("answer"))))
        references = [reference for pointer in pointers if (reference := text(pointer.get("reference")))]
        if references:
            yield SentPart(heading=question, parts=tuple(SentPart(reference=reference) for reference in references))
    for element, heading in (("partOf", "Part of"), ("basedOn", "Requested by")):
        wholes = mappings(listed(sent.resource.get(element)))
        parts = [SentPart(reference=reference) for whole in wholes if (reference := text(whole.get("reference")))]
        if parts:
            yield SentPart(heading=heading, parts=tuple(parts))


def _attached_answers(sent: Sent) -> Iterator[Attachment]:
    places = [
        (path, answer)
        for path, answer in _answers_at(sent.resource.get("item"), ("item",))
        if mapping(answer).get("valueAttachment")
    ]
    elements = [((*path, "valueAttachment"), answer["valueAttachment"]) for path, answer in places]
    return attachments_at(sent, elements=elements)


def _answers_at(items: object, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Resource]]:
    for place, item in enumerate(items if isinstance(items, list) and len(path) < 2 * DEEPEST else ()):
        here = (*path, place)
        answers = mapping(item).get("answer")
        for number, answer in enumerate(answers if isinstance(answers, list) else ()):
            yield (*here, "answer", number), mapping(answer)
            yield from _answers_at(mapping(answer).get("item"), (*here, "answer", number, "item"))
        yield from _answers_at(mapping(item).get("item"), (*here, "item"))


def _questionnaire_words(sent: Sent) -> Iterator[object]:
    """Yield what a questionnaire is called."""
    questionnaire = sent.resource.get("questionnaire")
    address = text(questionnaire) or text(mapping(questionnaire).get("reference"))
    yield text(mapping(questionnaire).get("display"))
    yield text(sent.find(reference=address).get("title")) if address else ""
    yield "Questionnaire"


DOCUMENT = TypeRules(
    name="DocumentReference",
    about=("type", "category"),
    happened=("context.period.start", "date"),
    statuses={"current": Standing.PAST, "superseded": Standing.PAST},
    lines=_lines,
    parts=_files,
    attachments=_documents,
    reads_first=("status", "type", "category", "description", "date", "author", "custodian", "content", "context"),
)
BINARY = TypeRules(
    name="Binary",
    about=(),
    further_concepts=_file_words,
    lines=_file_lines,
    attachments=binary_content,
    reads_first=("contentType", "securityContext"),
)
MEDIA = TypeRules(
    name="Media",
    about=("type", "modality"),
    happened=("createdDateTime", "createdPeriod.start"),
    statuses={"completed": Standing.PAST},
    attachments=_media,
    reads_first=("status", "type", "modality", "createdDateTime", "content", "note"),
)
QUESTIONNAIRE_RESPONSE = TypeRules(
    name="QuestionnaireResponse",
    about=(),
    further_concepts=_questionnaire_words,
    happened=("authored",),
    statuses={"completed": Standing.PAST, "amended": Standing.PAST},
    lines=_questionnaire_lines,
    tells_status=True,
    parts=_answered_by,
    attachments=_attached_answers,
    reads_first=("status", "questionnaire", "authored", "author", "item"),
)

RULES = CategoryRules(
    category=RecordCategory.DOCUMENTS,
    title="Documents",
    many="documents",
    place=100,
    types=(DOCUMENT, BINARY, MEDIA, QUESTIONNAIRE_RESPONSE),
)
