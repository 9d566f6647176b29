"""What an administrator enters about a patient's decision."""

from __future__ import annotations

from django import forms


class OptOutForm(forms.Form):
    opted_out = forms.ChoiceField(
        choices=[("yes", "yes"), ("no", "no")],
        error_messages={"required": "Select whether the patient objects to sharing"},
    )
    note = forms.CharField(required=False, max_length=4000)
