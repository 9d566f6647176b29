"""What somebody enters to search the audit. The service checks what it means."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms


class AuditForm(forms.Form):
    """Everything may be left empty: then any will do. Days are entered as browsers' own calendars give them."""

    nhs_number = forms.CharField(required=False, max_length=30)
    username = forms.CharField(required=False, max_length=150)
    organisation_ods = forms.CharField(required=False, max_length=20)
    purpose = forms.CharField(required=False, max_length=20)
    action = forms.CharField(required=False, max_length=60)
    outcome = forms.CharField(required=False, max_length=20)
    first_day = forms.DateField(required=False, error_messages={"invalid": "Enter a real day"})
    last_day = forms.DateField(required=False, error_messages={"invalid": "Enter a real day"})
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)

    def question(self) -> dict[str, Any]:
        """Return what was entered, by the names that the service has for it."""
        entered: dict[str, str | date | int | None] = {**self.cleaned_data}
        entered["organisation_ods"] = str(entered["organisation_ods"]).strip().upper()
        return entered
