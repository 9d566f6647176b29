"""What pages on which something is ended have in common."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from django import forms
from django.utils import timezone

from aggregator.accounts.requester import Requester
from aggregator.errors import Invalid
from aggregator.web.dates import DateParts
from aggregator.web.signed_in import SignedInRequest


class Ending(Protocol):
    """A service that ends one thing, already told which."""

    def __call__(self, *, requester: Requester, last_day: date | None, reason: str, now: datetime) -> None:
        """End it at the end of its last day; None: at once."""


class EndForm(DateParts):
    """The last day of something, and why it ends."""

    date_name = "last_day"
    reason = forms.CharField(error_messages={"required": "Enter why it ends"})


def is_ended(request: SignedInRequest, form: EndForm, /, *, end: Ending) -> bool:
    """End it as entered, if that is complete; where the service refuses what was entered, the form says so."""
    if not form.is_valid():
        return False
    try:
        end(
            requester=request.requester,
            last_day=form.entered_date,
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
    except Invalid as error:
        form.add_refusal(field=error.field, words=str(error))
        return False
    return True
