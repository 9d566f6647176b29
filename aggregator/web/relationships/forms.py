"""What an administrator enters about who cares for whom, and a clinician who claims a patient."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.web.dates import DaysParts

KINDS = (
    ("registered", "The patient is registered there, for example with their GP practice"),
    ("attended", "The patient attends there, or recently did"),
    ("referred", "The patient has been referred there"),
)
NOTE_LENGTH = 4000


class DaysForm(DaysParts):
    """From when until when, and why."""

    field_order = ["organisation_ods", "kind", "team_id", "username", "day", "until_day", "reason"]
    reason = forms.CharField(max_length=NOTE_LENGTH, error_messages={"required": "Enter the reason for this change"})

    def clean(self) -> None:
        super().clean()
        if self.entered_date is None and "day" not in self.errors:
            self.add_error("day", "Enter the first day, for example 14 8 2026")

    def terms(self) -> dict[str, str]:
        """Return the terms of the change that this proposes."""
        return {
            "from_date": self.iso_date,
            "until_date": self.iso_until_date,
            "reason": self.cleaned_data["reason"],
        }


class RelationshipForm(DaysForm):
    """How an organisation cares for a patient."""

    kind = forms.ChoiceField(
        choices=KINDS,
        error_messages={
            "required": "Select how the organisation cares for the patient",
            "invalid_choice": "Select how the organisation cares for the patient",
        },
    )

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """What can be selected."""
        return KINDS

    def terms(self) -> dict[str, str]:
        """Return the terms of the change that this proposes."""
        return {**super().terms(), "kind": self.cleaned_data["kind"]}


def as_entered(*, kind: str, from_date: date, until_date: date | None) -> dict[str, str]:
    """Return what the fields of a form hold when it says what is recorded now."""
    entered = {"kind": kind}
    for prefix, day in (("", from_date), ("until_", until_date)):
        if day is not None:
            entered |= {f"{prefix}{name}": str(getattr(day, name)) for name in ("day", "month", "year")}
    return entered


class NewRelationshipForm(RelationshipForm):
    """The same, of which organisation. Who may act for one only is not asked for which."""

    organisation_ods = forms.CharField(max_length=20, required=False)

    def __init__(self, *args: Any, requester: Requester, **options: Any) -> None:
        super().__init__(*args, **options)
        self.requester = requester

    @property
    def asks_organisation(self) -> bool:
        """Whether the organisation has to be entered."""
        return self.requester.may(Permission.ANY_ORGANISATION)

    def terms(self) -> dict[str, str]:
        """Return the terms of the change that this proposes."""
        entered, own = self.cleaned_data["organisation_ods"].strip().upper(), self.requester.organisation_ods
        return {**super().terms(), "organisation_ods": entered if self.asks_organisation else own}


class TeamPatientForm(DaysForm):
    """Which care team is to care for a patient."""

    team_id = forms.ChoiceField(
        error_messages={"required": "Select a care team", "invalid_choice": "Select a care team"}
    )

    def __init__(self, *args: Any, teams: Iterable[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.teams = list(teams)
        field = self.fields["team_id"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = self.teams

    def terms(self) -> dict[str, str]:
        """Return the terms of the change that this proposes."""
        return {**super().terms(), "team_id": self.cleaned_data["team_id"]}


class MemberForm(DaysForm):
    """Who is to have a place in a care team."""

    username = forms.CharField(max_length=150, error_messages={"required": "Enter the user name"})

    def terms(self) -> dict[str, str]:
        """Return the terms of the change that this proposes."""
        return {**super().terms(), "username": self.cleaned_data["username"]}


class ClaimForm(forms.Form):
    """Why a patient is in somebody's care."""

    reason = forms.CharField(
        max_length=NOTE_LENGTH, error_messages={"required": "Enter why this patient is in your care"}
    )
