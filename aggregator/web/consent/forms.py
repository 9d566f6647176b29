"""What an administrator enters about a patient's decision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django import forms

from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import MEMBERSHIP_ROLES
from aggregator.consent.terms import (
    Actor,
    ActorKind,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    Period,
    PolicyTerms,
    Provision,
    british_days,
)
from aggregator.consent.words import LABEL_WORDS, PURPOSE_WORDS
from aggregator.limits import MAX_NOTE_LENGTH
from aggregator.record.categories import SECTIONS
from aggregator.services.preview_access import PreviewReason

Choices = Sequence[tuple[str, str]]
BASES: Choices = (
    (BasePolicy.PERMIT, "Share the record with those who care for the patient, for treatment"),
    (BasePolicy.PERMIT_ALL, "Share it with them for every purpose, not for treatment alone"),
    (BasePolicy.BREAK_GLASS_ONLY, "Share it only in an emergency, with a clinician who breaks the glass"),
    (BasePolicy.DENY, "Do not share it at all"),
)
EFFECTS: Choices = ((Effect.DENY, "Do not share"), (Effect.PERMIT, "Do share"))
CATEGORIES = {each.category.value: each.category for each in SECTIONS}
LABELS = {label.code: label for label in LABEL_WORDS}
_ENTRY = re.compile(r"\s*([A-Z][A-Za-z]{1,63})/([A-Za-z0-9.-]{1,64})\s*\Z")
# Of these words a field is at fault when the condition is.
FIELD_OF = {"period": "last_day", "data_period": "data_to", "actors": "organisation", "sources": "source"}


def _begun(words: str) -> str:
    """Return words with a capital at their beginning."""
    return words[0].upper() + words[1:]


def _days(label: str) -> forms.DateField:
    return forms.DateField(
        required=False,
        label=label,
        error_messages={"invalid": "Enter a real date, for example 2026-08-14"},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


def _chosen(label: str, choices: Choices, *, none: str) -> forms.ChoiceField:
    return forms.ChoiceField(required=False, label=label, choices=[("", none), *choices])


class DecisionForm(forms.Form):
    """The decision as a whole. `first_day` and `last_day` say when it holds."""

    base = forms.ChoiceField(choices=BASES, error_messages={"required": "Select what the patient has decided"})
    first_day = _days("First day")
    last_day = _days("Last day")
    note = forms.CharField(
        max_length=MAX_NOTE_LENGTH,
        error_messages={
            "required": "Enter how and when the patient told you",
            "max_length": f"Enter how and when the patient told you, in {MAX_NOTE_LENGTH:,} characters or fewer",
        },
    )


class ExceptionForm(forms.Form):
    """One exception. It holds where everything applies that is named."""

    effect = forms.ChoiceField(label="What does the patient want here?", choices=EFFECTS)
    organisation = _chosen("With which organisation", (), none="Any organisation")
    role = _chosen("With whom", [(role.value, f"Any {role.words}") for role in MEMBERSHIP_ROLES], none="Anybody")
    username = forms.CharField(required=False, max_length=150, label="With one person, by their user name")
    purpose = _chosen(
        "For which purpose", [(each.value, _begun(words)) for each, words in PURPOSE_WORDS.items()], none="Any"
    )
    category = _chosen("Which kind of content", [(each.category.value, each.title) for each in SECTIONS], none="All")
    source = _chosen("From which source", (), none="Any source")
    entry = forms.CharField(required=False, max_length=130, label="One entry of that source, as Condition/123")
    label = _chosen(
        "With which label", [(label.code, _begun(words)) for label, words in LABEL_WORDS.items()], none="Any"
    )
    data_from = _days("About the time from")
    data_to = _days("to")

    def __init__(self, *args: Any, sources: Choices = (), organisations: Choices = (), **values: Any) -> None:
        super().__init__(*args, **values)
        for name, none, choices in (
            ("source", "Any source", sources),
            ("organisation", "Any organisation", organisations),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
            field.choices = [("", none), *choices]

    def clean(self) -> None:
        named = [name for name in ("organisation", "role", "username") if self.cleaned_data.get(name)]
        if len(named) > 1:
            self.add_error(named[1], "Choose an organisation, a role or a person: one of the three in each exception")
        entry = self.cleaned_data.get("entry", "")
        if entry and not _ENTRY.match(entry):
            self.add_error("entry", "Enter the entry as its type and its id, for example Condition/123")
        elif entry and not self.cleaned_data.get("source"):
            self.add_error("source", "Select the source that holds this entry")

    def provision(self) -> Provision:
        """Return what was entered."""
        given = self.cleaned_data
        source = frozenset({UUID(given["source"])} if given["source"] else set())
        entry = _ENTRY.match(given["entry"]) if given["entry"] else None
        items = (
            {ItemKey(source_id=each, resource_type=entry[1], resource_id=entry[2]) for each in source}
            if entry
            else set()
        )
        actors = {
            Actor(kind=kind, value=given[name].strip())
            for name, kind in (
                ("organisation", ActorKind.ORGANISATION),
                ("role", ActorKind.ROLE),
                ("username", ActorKind.USER),
            )
            if given[name]
        }
        return Provision(
            effect=Effect(given["effect"]),
            actors=frozenset(actors),
            purposes=frozenset({PurposeOfUse(given["purpose"])} if given["purpose"] else set()),
            categories=frozenset({CATEGORIES[given["category"]]} if given["category"] else set()),
            sources=frozenset() if items else source,
            items=frozenset(items),
            labels=frozenset({LABELS[given["label"]]} if given["label"] else set()),
            data_period=DataPeriod(start=given["data_from"], end=given["data_to"]),
        )


class WithdrawalForm(forms.Form):
    note = DecisionForm.base_fields["note"]


class PreviewForm(forms.Form):
    """Whose access is looked at, what for, and why."""

    username = forms.CharField(
        max_length=150, label="User name", error_messages={"required": "Enter the user name of the person"}
    )
    purpose = forms.ChoiceField(
        label="For which purpose",
        choices=[
            (each.value, "Emergency (broken glass)" if each is PurposeOfUse.BREAK_GLASS else _begun(words))
            for each, words in PURPOSE_WORDS.items()
        ],
    )
    reason = forms.ChoiceField(
        label="Why do you want to know?",
        choices=[("", "Select a reason"), *((each.value, each.words) for each in PreviewReason)],
        error_messages={"required": "Select why you want to know"},
    )


def terms_of(*, form: DecisionForm, exceptions: Sequence[ExceptionForm]) -> PolicyTerms:
    """Return the decision that was entered."""
    base = BasePolicy(form.cleaned_data["base"])
    first, last = form.cleaned_data["first_day"], form.cleaned_data["last_day"]
    denies = base in {BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY}
    root = Provision(effect=Effect.DENY if denies else Effect.PERMIT, period=british_days(first=first, last=last))
    return PolicyTerms(
        base=base,
        root=root if first or last else None,
        exceptions=tuple(each.provision() for each in exceptions),
    )


def entered(*, terms: PolicyTerms) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """Return what would have to be entered for a decision; None for one that these forms cannot hold."""
    root = terms.root
    period = root.period if root else british_days(first=None, last=None)
    plain = root is None or root == Provision(effect=root.effect, period=root.period)
    exceptions = [_entered(each) for each in terms.exceptions]
    if not plain or not terms.is_understood or not period.is_of_whole_days or None in exceptions:
        return None
    whole = {"base": terms.base.value, "first_day": period.first_day, "last_day": period.last_day}
    return whole, [each for each in exceptions if each is not None]


def _entered(provision: Provision, /) -> dict[str, Any] | None:
    sizes = (provision.actors, provision.purposes, provision.categories, provision.sources, provision.items)
    is_single = all(len(each) <= 1 for each in (*sizes, provision.labels))
    if not is_single or provision.period != Period() or not provision.labels <= {*LABELS.values()}:
        return None
    given: dict[str, Any] = {
        "effect": provision.effect.value,
        "purpose": _only(each.value for each in provision.purposes),
        "category": _only(each.value for each in provision.categories),
        "source": _only(map(str, provision.sources)),
        "label": _only(each.code for each in provision.labels),
        "data_from": provision.data_period.start,
        "data_to": provision.data_period.end,
    }
    names = {ActorKind.ORGANISATION: "organisation", ActorKind.ROLE: "role", ActorKind.USER: "username"}
    given |= {names[actor.kind]: actor.value for actor in provision.actors}
    for key in provision.items:
        given |= {"source": str(key.source_id), "entry": f"{key.resource_type}/{key.resource_id}"}
    return given


def _only(values: Iterable[str], /) -> str:
    return next(iter(values), "")
