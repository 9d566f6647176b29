"""What a policy means, in plain words: on pages, in a FHIR narrative, and before it is saved. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import Role
from aggregator.consent.terms import (
    LONDON,
    Actor,
    ActorKind,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    Period,
    PolicyTerms,
    Provision,
)
from aggregator.record.categories import CATEGORIES
from fhir_data.labels import Label

_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"

PURPOSE_WORDS: Mapping[PurposeOfUse, str] = {
    PurposeOfUse.TREATMENT: "treatment",
    PurposeOfUse.COORDINATION: "coordination of care",
    PurposeOfUse.EMERGENCY: "emergency treatment",
    PurposeOfUse.BREAK_GLASS: "breaking the glass in an emergency",
    PurposeOfUse.OPERATIONS: "running the service",
    PurposeOfUse.PAYMENT: "payment",
    PurposeOfUse.RESEARCH: "research",
    PurposeOfUse.PUBLIC_HEALTH: "public health",
    PurposeOfUse.PATIENT_REQUEST: "the patient's own request",
}
# The labels that an administrator may choose. Source: HL7 v3-Confidentiality and v3-ActCode; IHE PCF, advanced.
LABEL_WORDS: Mapping[Label, str] = {
    Label(system=_CONFIDENTIALITY, code="R"): "restricted",
    Label(system=_CONFIDENTIALITY, code="V"): "very restricted",
    Label(system=_ACT_CODE, code="PSY"): "mental health",
    Label(system=_ACT_CODE, code="SEX"): "sexual and reproductive health",
    Label(system=_ACT_CODE, code="STD"): "sexually transmitted infection",
    Label(system=_ACT_CODE, code="HIV"): "HIV",
    Label(system=_ACT_CODE, code="ETH"): "alcohol or drugs",
    Label(system=_ACT_CODE, code="ETHUD"): "alcohol",
    Label(system=_ACT_CODE, code="OPIOIDUD"): "opioids",
    Label(system=_ACT_CODE, code="SDV"): "sexual or domestic violence",
    Label(system=_ACT_CODE, code="GDIS"): "genetic disease",
    Label(system=_CONFIDENTIALITY, code="N"): "normal",
}
_BASE_WORDS: Mapping[BasePolicy, str] = {
    BasePolicy.PERMIT: "The record is shared with those who care for the patient, for treatment.",
    BasePolicy.PERMIT_ALL: "The record is shared with those who care for the patient, for every purpose.",
    BasePolicy.BREAK_GLASS_ONLY: "Nothing of the record is shared, except with a clinician who breaks the glass in an "
    "emergency.",
    BasePolicy.DENY: "Nothing of the record is shared.",
}
NOT_UNDERSTOOD = "This decision cannot be read. While it is in force, nothing of the record is shared."


@dataclass(frozen=True, kw_only=True)
class Names:
    """What is named by an id or a code in a policy, by that id or code."""

    sources: Mapping[str, str] = field(default_factory=dict)
    organisations: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)


def in_words(*, terms: PolicyTerms, names: Names) -> tuple[str, ...]:
    """Return what a policy means: its base or its root in one sentence, then one for each exception."""
    if not terms.is_understood:
        return (NOT_UNDERSTOOD,)
    root = terms.root
    if root is None or root == Provision(effect=root.effect):
        is_rejected = root is not None and root.effect is Effect.DENY and terms.base is not BasePolicy.BREAK_GLASS_ONLY
        sentences = [_BASE_WORDS[BasePolicy.DENY if is_rejected else terms.base]]
    elif root.effect is Effect.PERMIT and root == Provision(effect=root.effect, period=root.period):
        sentences = [f"{_BASE_WORDS[terms.base][:-1]}, {_when(root.period)}."]
    else:
        sentences = [_provision(root, names=names)]
        if terms.base is BasePolicy.BREAK_GLASS_ONLY:
            sentences.append("Except: shared with a clinician who breaks the glass in an emergency.")
    for exception in terms.exceptions:
        words = _provision(exception, names=names)
        sentences.append(f"Except: {words[0].lower()}{words[1:]}")
    return tuple(sentences)


def _provision(provision: Provision, /, *, names: Names) -> str:
    """Return a provision as a sentence: what is shared or not, with whom, what for, and when."""
    denies = provision.effect is Effect.DENY
    about = " ".join(_about(provision, names=names))
    if about:
        verb = "are" if provision.categories else "is"
        words = [about, f"{verb} not shared" if denies else f"{verb} shared"]
    else:
        words = ["nothing is shared" if denies else "the record is shared"]
    if provision.actors:
        words.append(f"with {_listed(_actor(each, names=names) for each in sorted(provision.actors))}")
    if provision.purposes:
        words.append(f"for {_listed(PURPOSE_WORDS[each] for each in sorted(provision.purposes))}")
    sentence = " ".join(words)
    when = _when(provision.period)
    return f"{sentence[0].upper()}{sentence[1:]}{f', {when}' if when else ''}."


def _about(provision: Provision, /, *, names: Names) -> Iterable[str]:
    """Yield what a provision is about, where it is not about the whole record."""
    if provision.categories:
        yield _listed((CATEGORIES[each].many for each in sorted(provision.categories)), last="and")
    elif not provision.items and (provision.sources or provision.data_period != DataPeriod() or provision.labels):
        yield "everything"
    if provision.items:
        items = _listed(_item(each, names=names) for each in sorted(provision.items))
        yield f"among {items}" if provision.categories else items
    if provision.sources:
        yield f"from {_listed(names.sources.get(str(each), 'a source') for each in sorted(provision.sources))}"
    if provision.data_period != DataPeriod():
        yield f"of the time {_days(provision.data_period.start, provision.data_period.end)}"
    if provision.labels:
        yield f"labelled {_listed(sorted(LABEL_WORDS.get(each, each.code) for each in provision.labels))}"


def _actor(actor: Actor, /, *, names: Names) -> str:
    match actor.kind:
        case ActorKind.ROLE:
            return f"anybody acting as {Role(actor.value).words}" if actor.value in set(Role) else "a role"
        case ActorKind.ORGANISATION:
            return names.organisations.get(actor.value, f"the organisation {actor.value}")
        case ActorKind.USER:
            return names.users.get(actor.value, "a user")


def _item(key: ItemKey, /, *, names: Names) -> str:
    return f"the entry {key.resource_type}/{key.resource_id} of {names.sources.get(str(key.source_id), 'a source')}"


def _when(period: Period, /) -> str:
    """Return when a period holds, in days where it is of whole days."""
    first = _moment(period.start) if period.start else ""
    last = _moment(period.end) if period.end else ""
    if period.is_of_whole_days:
        first = long_date(period.first_day) if period.first_day else ""
        last = f"the end of {long_date(period.last_day)}" if period.last_day else ""
    if first and last:
        return f"from {first} until {last}"
    return f"from {first}" if first else f"until {last}" if last else ""


def _moment(moment: datetime, /) -> str:
    local = moment.astimezone(LONDON)
    return f"{long_date(local.date())}, {local:%H:%M}"


def _days(start: date | None, end: date | None) -> str:
    if start and end:
        return f"from {long_date(start)} to {long_date(end)}"
    return f"from {long_date(start)}" if start else f"until {long_date(end or date.max)}"


def long_date(day: date, /) -> str:
    """Return a day as people write it: 5 May 2026."""
    return f"{day.day} {day:%B %Y}"


def _listed(words: Iterable[str], *, last: str = "or") -> str:
    *rest, final = list(words)
    return f"{', '.join(rest)} {last} {final}" if rest else final
