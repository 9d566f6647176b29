"""What an administrator enters about accounts and roles. The services check what it means."""

from __future__ import annotations

from typing import Any

from django import forms

from aggregator.accounts.authority import givable_roles
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.web.dates import DateParts


class RoleForm(DateParts):
    """A role in an organisation, from a day on. Who may act for one organisation only is not asked for which."""

    date_name = "from_date"
    role = forms.ChoiceField(error_messages={"required": "Select a role", "invalid_choice": "Select a role"})
    organisation_ods = forms.CharField(max_length=20, required=False)
    reason = forms.CharField(error_messages={"required": "Enter the reason for this change"})

    def __init__(self, *args: Any, requester: Requester, **options: Any) -> None:
        super().__init__(*args, **options)
        self.requester = requester
        self.roles = [(role.value, role.words.capitalize()) for role in givable_roles(requester)]
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = self.roles

    @property
    def asks_organisation(self) -> bool:
        """Whether the organisation has to be entered."""
        return self.requester.may(Permission.ANY_ORGANISATION)

    def terms(self) -> dict[str, str]:
        """Return the terms of the change that this proposes."""
        entered, own = self.cleaned_data["organisation_ods"].strip().upper(), self.requester.organisation_ods
        return {
            "role": self.cleaned_data["role"],
            "organisation_ods": entered if self.asks_organisation else own,
            "from_date": self.iso_date,
        }


class JoinForm(DateParts):
    """Which person a user is. The service looks for the one record that these name, and tells nothing of it."""

    date_name = "birth_date"
    date_problem = "Date of birth must be a real date, for example 14 8 1980"
    nhs_number = forms.CharField(max_length=30, error_messages={"required": "Enter the NHS number"})
    note = forms.CharField(error_messages={"required": "Enter how you know who they are"})
    has_other_name = forms.BooleanField(required=False)

    def clean(self) -> None:
        super().clean()
        if self.entered_date is None and "day" not in self.errors:
            self.add_error("day", "Enter the date of birth, for example 14 8 1980")

    @property
    def asks_about_name(self) -> bool:
        """Whether the record that was named has another name than the account: only then is that to be confirmed."""
        return "has_other_name" in self.errors or bool(self.data.get("has_other_name"))


class EndJoinForm(forms.Form):
    """Why a user is no longer joined to a person."""

    reason = forms.CharField(error_messages={"required": "Enter why this ends"})


class AccountForm(RoleForm):
    """A new account with its first role."""

    field_order = ["title", "given", "family", "username", "email", "role", "organisation_ods", "day", "reason"]
    username = forms.CharField(max_length=150, error_messages={"required": "Enter the user name"})
    title = forms.CharField(required=False, max_length=20)
    given = forms.CharField(max_length=100, error_messages={"required": "Enter the first name"})
    family = forms.CharField(max_length=100, error_messages={"required": "Enter the surname"})
    email = forms.CharField(required=False, max_length=254)

    def terms(self) -> dict[str, str]:
        """Return the terms of the change that this proposes."""
        names = {name: self.cleaned_data[name] for name in ("username", "given", "family", "email")}
        return {**super().terms(), **names, "prefix": self.cleaned_data["title"]}


class NameForm(forms.Form):
    """Another name for an account, and why."""

    title = forms.CharField(required=False)
    given = forms.CharField(error_messages={"required": "Enter the first name"})
    family = forms.CharField(error_messages={"required": "Enter the surname"})
    reason = forms.CharField(error_messages={"required": "Enter why the name changes"})


class EmailForm(forms.Form):
    """Where alerts to somebody are sent."""

    email = forms.CharField(required=False, max_length=254)
