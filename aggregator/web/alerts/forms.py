"""What an administrator enters about a webhook. The services check what it means."""

from __future__ import annotations

from typing import Any

from django import forms

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.alerts.terms import AlertKind, NewWebhook

EVERY = "every"


class WebhookForm(forms.Form):
    """Who may act for one organisation only is not asked for which."""

    name = forms.CharField(max_length=200, error_messages={"required": "Enter a name for the webhook"})
    url = forms.CharField(max_length=500, error_messages={"required": "Enter the address"})
    kinds = forms.MultipleChoiceField(
        choices=[(kind.value, kind.words.capitalize()) for kind in AlertKind if kind.is_registrable],
        error_messages={"required": "Select what it is told of", "invalid_choice": "Select what it is told of"},
    )
    whose = forms.ChoiceField(
        choices=[("one", "One organisation"), (EVERY, "Every organisation")],
        required=False,
        error_messages={"invalid_choice": "Select whose alerts it is told of"},
    )
    organisation_ods = forms.CharField(max_length=20, required=False)

    def __init__(self, *args: Any, requester: Requester, **options: Any) -> None:
        super().__init__(*args, **options)
        self.asks_organisation = requester.may(Permission.ANY_ORGANISATION)

    def webhook(self) -> NewWebhook:
        """Return the webhook that was entered."""
        entered = self.cleaned_data
        return NewWebhook(
            name=entered["name"],
            url=entered["url"].strip(),
            kinds=tuple(entered["kinds"]),
            organisation_ods=entered["organisation_ods"] if self.asks_organisation else "",
            is_for_every_organisation=self.asks_organisation and entered["whose"] == EVERY,
        )


class EndForm(forms.Form):
    reason = forms.CharField(error_messages={"required": "Enter why the webhook is ended"})
