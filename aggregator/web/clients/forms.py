"""What an administrator enters about a system that is registered."""

from __future__ import annotations

from django import forms


class EndForm(forms.Form):
    reason = forms.CharField(max_length=4000, error_messages={"required": "Enter why the registration is ended"})
