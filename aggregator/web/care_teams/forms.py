"""What an administrator enters about a care team."""

from __future__ import annotations

from typing import Any

from django import forms

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission


class TeamForm(forms.Form):
    """A new care team. Who may act for one organisation only is not asked for which."""

    name = forms.CharField(error_messages={"required": "Enter the name of the team"})
    organisation_ods = forms.CharField(max_length=20, required=False)

    def __init__(self, *args: Any, requester: Requester, **options: Any) -> None:
        super().__init__(*args, **options)
        self.asks_organisation = requester.may(Permission.ANY_ORGANISATION)
