"""An item as sent -> a fact as compared: codes, dates, doses, values and statuses, read the same way for every source.

Nothing here changes what is shown; a value is normalised for comparing and shown as it was sent. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import structs

from aggregator.record.absence import Absence, AbsenceKind
from aggregator.record.absence_words import absence_in_words
from aggregator.record.categories import CATEGORIES, type_rules
from aggregator.record.dates import partial_date
from aggregator.record.details import Line
from aggregator.record.doses import NO_DOSE, coded_dose, dose_key, dose_of
from aggregator.record.doubt import (
    is_compared_in_doubt,
    lines_as_sent,
    may_be_modified,
    may_hide_a_claim,
    modifiers_of,
    standing_in_doubt,
    stands_in_doubt,
    without_fault,
)
from aggregator.record.fact import Fact
from aggregator.record.item import Item
from aggregator.record.measurements import value_key
from aggregator.record.particulars import focus_names, particulars_of
from aggregator.record.placeholders import placeholder
from aggregator.record.reading import Resource, code_of, codings, concept_text, parse
from aggregator.record.rules import TypeRules
from aggregator.record.sent import Resolver, Sent
from aggregator.record.seriousness import NO_WARNING, assessments_of, seriousness_of
from aggregator.record.standing import (
    absence_that_holds,
    may_be_in_error,
    standing_given,
    status_text,
    status_word,
    told_status,
)
from aggregator.record.stated_absence import absence_of
from aggregator.record.timeline import DetailLabel, PartialDate, Standing
from fhir_data.access import mapping, mappings, text
from fhir_data.identifiers import is_nhs_number_system

SNOMED_CT = "http://snomed.info/sct"
# Systems whose codes mean the same wherever they stand. dm+d codes are SNOMED CT concepts under another name.
SHARED_SYSTEMS: Mapping[str, str] = {
    SNOMED_CT: SNOMED_CT,
    "https://dmd.nhs.uk": SNOMED_CT,
    "http://loinc.org": "http://loinc.org",
}
# Where a resource says when it was written down, whatever its type. Source: FHIR R4.
RECORDED_ELEMENTS = ("recordedDate", "dateAsserted", "authoredOn", "issued", "recorded", "date", "created")
# What a statement of absence says, where its source's own words do not.
ABSENCE_WORDS: Mapping[AbsenceKind, str] = {
    AbsenceKind.NONE_KNOWN: "No known",
    AbsenceKind.NONE_OF_A_KIND: "No known",
    AbsenceKind.NO_INFORMATION: "No information about",
}


def normalise(*, item: Item, resolver: Resolver) -> Fact:
    """Return an item as it is compared.

    `resolver` finds other resources of the same source: a medication request may only point to its medicine. An item
    with a flaw in anything that is compared is shown as it was sent, and compared with nothing.
    """
    resource = parse(resource=item.resource)
    watched = _Watched(resolver=resolver)
    sent = Sent(resource=resource, item=item, resolver=resolver)
    fact = _fact(sent, compared=Sent(resource=resource, item=item, resolver=watched))
    stands_alone = fact.is_doubted or watched.met_a_flaw or is_compared_in_doubt(item=item)
    return _alone(fact) if stands_alone else fact


def _alone(fact: Fact) -> Fact:
    """Return a fact that is compared with nothing: with what it lacks, the rest of it could mean something else."""
    return structs.replace(
        fact,
        details=(*fact.details, *lines_as_sent(item=fact.item, shown=fact)),
        concepts=frozenset(),
        ingredients=frozenset(),
        identifiers=frozenset(),
        event_date=None,
        dose=(),
        dose_is_coded=False,
        dose_said=NO_DOSE,
        route="",
        value=(),
        assessments=(),
        names="",
        continues=(),
        particulars=(),
        stands_alone=True,
    )


@dataclass(kw_only=True)
class _Watched:
    """A resolver that notes whether anything it found has a flaw.

    Of what only words a line, such as who recorded it, a flaw says nothing.
    """

    resolver: Resolver
    met_a_flaw: bool = False

    def resource(self, *, item: Item, reference: str) -> Resource:
        self.met_a_flaw = self.met_a_flaw or not self.resolver.is_sound(item=item, reference=reference)
        return self.resolver.resource(item=item, reference=reference)

    def name(self, *, item: Item, reference: str) -> str:
        return self.resolver.name(item=item, reference=reference)

    def item_id(self, *, item: Item, reference: str) -> str:
        return self.resolver.item_id(item=item, reference=reference)

    def is_sound(self, *, item: Item, reference: str) -> bool:
        return self.resolver.is_sound(item=item, reference=reference)


def _fact(sent: Sent, *, compared: Sent) -> Fact:
    """Return a resource as a fact; `compared` finds what it is compared by."""
    item, resource = sent.item, sent.resource
    rules = type_rules(resource_type=text(resource.get("resourceType")))
    subjects = list(_subjects(compared, rules))
    absence = absence_of(resource=resource, elsewhere=rules.absence.elsewhere(compared) if rules.absence else ())
    in_error = may_be_in_error(resource=resource)
    is_doubted = in_error or stands_in_doubt(item=item)
    if absence and (is_doubted or may_hide_a_claim(item=item)):
        absence = Absence(kind=AbsenceKind.NO_INFORMATION, about=absence.about)
    standing = standing_given(resource=resource, absence=absence)
    # What is taken back by the standard's own code is so, whatever is at fault beside it: it is never a live fact.
    if is_doubted and standing is not Standing.RETRACTED:
        standing = standing_in_doubt(resource=without_fault(item=item, resource=resource), absence=absence)
    event_date = _first_date(resource=resource, paths=rules.happened)
    dosages = rules.dosages(resource)
    return Fact(
        item=item,
        resource_type=text(resource.get("resourceType")),
        heading=_heading(sent=sent, rules=rules, standing=standing, absence=absence, subjects=subjects),
        standing=standing,
        status_text=status_text(resource=resource),
        details=details_of(sent=sent),
        concepts=_shared_concepts(subjects),
        ingredients=_shared_concepts(rules.ingredients(compared)),
        identifiers=_identifiers(resource),
        event_date=event_date,
        shown_date=event_date or _first_date(resource=resource, paths=RECORDED_ELEMENTS),
        is_measurement=rules.is_measurement,
        dose=tuple(sorted(filter(None, (dose_key(dosage=dosage) for dosage in dosages)))),
        dose_is_coded=bool(dosages) and all(coded_dose(dosage=dosage) for dosage in dosages),
        dose_said=dose_of(dosages=dosages),
        route=next((route for dosage in dosages if (route := code_of(dosage.get("route")))), ""),
        value=value_key(resource=resource) if rules.is_measurement else (),
        status_word=status_word(resource=resource),
        told=tuple(_told(sent=sent, rules=rules, standing=standing)),
        assessments=assessments_of(resource=resource) if rules.is_assessed else (),
        seriousness=seriousness_of(resource=resource) if rules.is_assessed else NO_WARNING,
        absence=absence_that_holds(resource=resource, absence=absence),
        names=_own_name(sent),
        continues=tuple(rules.continues(compared)),
        due=partial_date(text=rules.due(sent)),
        parts=tuple(rules.parts(sent)),
        part_of=tuple(dict.fromkeys(filter(None, (sent.item_id(reference=name) for name in rules.part_of(sent))))),
        attachments=tuple(rules.attachments(sent)),
        is_doubted=is_doubted,
        may_be_in_error=in_error,
        is_date_of_recording=event_date is None,
        particulars=tuple(particulars_of(compared)),
        happens_once=rules.happens_once,
    )


_PLAN = "plan"
# Source: FHIR R4, request-intent.
_TOLD_INTENTS = frozenset({"proposal", "option", _PLAN})


def _told(*, sent: Sent, rules: TypeRules, standing: Standing) -> Iterable[Line]:
    """Yield what must be said of how a resource stands beside its standing: a status that this hides; an intent."""
    category = CATEGORIES[sent.item.category]
    is_shown = category.is_lasting or rules.is_measurement
    status = told_status(resource=sent.resource, standing=standing, is_shown=is_shown)
    if status and not rules.tells_status:
        yield DetailLabel.STATUS, status
    intent = text(sent.resource.get("intent"))
    if intent in _TOLD_INTENTS and not (intent == _PLAN and category.is_planned):
        yield DetailLabel.INTENT, intent


def details_of(*, sent: Sent) -> tuple[Line, ...]:
    """Return the lines of a resource that have something to say, in a fixed order."""
    rules = type_rules(resource_type=text(sent.resource.get("resourceType")))
    modifiers = modifiers_of(resource=sent.resource) if may_be_modified(item=sent.item) else ()
    lines = (*modifiers, *rules.lines(sent))
    return tuple((label, value) for label, value in lines if value)


def _subjects(sent: Sent, rules: TypeRules) -> Iterable[object]:
    """Yield what a resource is about: concepts, or plain text, best first."""
    yield from rules.further_concepts(sent)
    for name in rules.about:
        element = sent.resource.get(name)
        yield from mappings(element) if isinstance(element, list) else (element,)


def _heading(
    *, sent: Sent, rules: TypeRules, standing: Standing, absence: Absence | None, subjects: Iterable[object]
) -> str:
    wordings = (subject if isinstance(subject, str) else _wording(subject) for subject in subjects if subject)
    heading = next((words for words in wordings if words), "")
    if absence and code_of(sent.resource.get("verificationStatus")) != "refuted":
        return _absence_heading(absence=absence, heading=heading)
    if not heading and not rules.only_arranges:
        heading = f"{text(sent.resource.get('resourceType'))} without a description"
    if others := focus_names(sent):
        heading = f"{heading} (not of the patient: {'; '.join(others)})"
    if rules.lead:
        heading = f"{rules.lead}: {heading}"
    return f"{rules.negation}: {heading}" if standing is Standing.NEGATED else heading


def _absence_heading(*, absence: Absence, heading: str) -> str:
    """Return a statement of absence as its source words it, with what it says first where its words may hide that."""
    understood = absence_in_words(words=heading, about=absence.about)
    if understood and (len(heading.split()) > 1 or heading.upper().startswith("NK")):
        return heading
    about = CATEGORIES[absence.about].absence
    plain = f"{ABSENCE_WORDS[absence.kind]} {about.many if about else CATEGORIES[absence.about].many}"
    if absence.kind is AbsenceKind.NONE_OF_A_KIND:
        plain += f" ({absence.of or 'of one kind'})"
    return f"{plain}: {heading}" if heading else plain


def _wording(subject: object) -> str:
    coding = mapping(subject)
    return concept_text(subject) or text(coding.get("display")) or text(coding.get("code"))


def _shared_concepts(subjects: Iterable[object]) -> frozenset[str]:
    return frozenset(
        f"{SHARED_SYSTEMS[system]}|{code}"
        for subject in subjects
        for system, code, display in codings(subject)
        if system in SHARED_SYSTEMS and code and not placeholder(code=code, display=display, numbered=True)
    )


def _identifiers(resource: Resource) -> frozenset[str]:
    """Return the business identifiers of a resource, each as `system|value`."""
    sent = resource.get("identifier")
    listed = [sent] if isinstance(sent, dict) else mappings(sent)
    return frozenset(
        f"{text(identifier.get('system'))}|{text(identifier.get('value'))}"
        for identifier in listed
        if identifier.get("system")
        and identifier.get("value")
        and not is_nhs_number_system(text(identifier.get("system")))
    )


def _first_date(*, resource: Resource, paths: Iterable[str]) -> PartialDate | None:
    for path in paths:
        value: object = resource
        for name in path.split("."):
            value = mapping(value).get(name)
        if date := partial_date(text=text(value)):
            return date
    return None


def _own_name(sent: Sent) -> str:
    """Return what other items of its source call this one; "" for what goes by nothing."""
    key = text(sent.resource.get("id"))
    own = sent.item.full_url or (f"{text(sent.resource.get('resourceType'))}/{key}" if key else "")
    return sent.name(reference=own) if own else ""
