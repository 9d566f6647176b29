"""What an operator enters about sources. The services check what it means."""

from __future__ import annotations

from typing import Any

from django import forms

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.services.sources.registering import NewSource, kind_choices, sensitivity_of

MOST_OPTIONS = 4000


class ReasonForm(forms.Form):
    reason = forms.CharField(error_messages={"required": "Enter the reason"})


class SourceForm(forms.Form):
    """The settings of a source. Who may act for one organisation only is not asked for which."""

    slug = forms.CharField(max_length=60, error_messages={"required": "Enter a short name"})
    name = forms.CharField(max_length=200, error_messages={"required": "Enter the name that users see"})
    kind = forms.ChoiceField(error_messages={"required": "Select its kind", "invalid_choice": "Select its kind"})
    base_url = forms.CharField(max_length=500, error_messages={"required": "Enter the address of its FHIR server"})
    organisation_ods = forms.CharField(max_length=20, required=False)
    organisation_name = forms.CharField(max_length=200, required=False)
    identifier_system = forms.CharField(max_length=300, required=False)
    time_limit_s = forms.FloatField(error_messages={"required": "Enter its time limit", "invalid": "Enter a number"})
    requests_per_minute = forms.IntegerField(required=False, error_messages={"invalid": "Enter a whole number"})
    freshness_s = forms.IntegerField(
        error_messages={"required": "Enter how long its answers are used again", "invalid": "Enter a whole number"}
    )
    rank = forms.IntegerField(error_messages={"required": "Enter its rank", "invalid": "Enter a whole number"})
    discloses = forms.CharField(max_length=30, required=False)
    options = forms.CharField(max_length=MOST_OPTIONS, required=False)
    replaces = forms.CharField(max_length=64, required=False)

    def __init__(self, *args: Any, requester: Requester, slug: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.requester = requester
        self.fixed_slug = slug
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = kind_choices()
        if slug:
            self.fields["slug"].required = False

    @property
    def asks_organisation(self) -> bool:
        """Whether the organisation has to be entered."""
        return self.requester.may(Permission.ANY_ORGANISATION)

    def clean_options(self) -> dict[str, str]:
        """Return the options, one to a line.

        Raises: ValidationError.
        """
        pairs: dict[str, str] = {}
        for line in filter(None, map(str.strip, str(self.cleaned_data["options"]).splitlines())):
            name, equals, value = line.partition("=")
            if not name.strip() or not equals:
                raise forms.ValidationError("Enter each option on a line of its own, as name=value")
            pairs[name.strip()] = value.strip()
        return pairs

    def source(self) -> NewSource:
        """Return the source that was entered.

        Raises: Invalid for a sensitive matter that there is not.
        """
        entered = self.cleaned_data
        own = not self.asks_organisation
        return NewSource(
            slug=self.fixed_slug or entered["slug"].strip(),
            name=entered["name"].strip(),
            kind=entered["kind"],
            base_url=entered["base_url"].strip(),
            organisation_ods=self.requester.organisation_ods if own else entered["organisation_ods"].strip().upper(),
            organisation_name="" if own else entered["organisation_name"].strip(),
            identifier_system=entered["identifier_system"].strip(),
            time_limit_s=entered["time_limit_s"],
            requests_per_minute=entered["requests_per_minute"],
            freshness_s=entered["freshness_s"],
            rank=entered["rank"],
            options=entered["options"],
            discloses=sensitivity_of(entered["discloses"]),
        )


def entered_of(source: NewSource, /, *, replaces: str) -> dict[str, str]:
    """Return the settings of a source as the form shows them. `replaces` is the mark of those that they may replace."""
    return {
        "replaces": replaces,
        "slug": source.slug,
        "name": source.name,
        "kind": source.kind,
        "base_url": source.base_url,
        "organisation_ods": source.organisation_ods,
        "organisation_name": source.organisation_name,
        "identifier_system": source.identifier_system,
        "time_limit_s": f"{source.time_limit_s:g}",
        "requests_per_minute": str(source.requests_per_minute or ""),
        "freshness_s": str(source.freshness_s),
        "rank": str(source.rank),
        "discloses": source.discloses or "",
        "options": "\n".join(f"{name}={value}" for name, value in source.options.items()),
    }
