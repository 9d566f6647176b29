"""What an administrator enters to settle a doubt."""

from __future__ import annotations

from django import forms


class ReviewForm(forms.Form):
    """How a doubt is settled; the service checks which decisions and fields are possible."""

    decision = forms.CharField(max_length=30, error_messages={"required": "Select a decision"})
    note = forms.CharField(error_messages={"required": "Enter the reason for your decision"})
    seen = forms.CharField(required=False, max_length=64)

    @property
    def accepts_fields(self) -> bool:
        """Whether the decision uses the ticked fields; otherwise they are ignored."""
        return bool(self.cleaned_data["decision"] == "accept-fields")
