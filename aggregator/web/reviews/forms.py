"""What an administrator enters to settle a doubt."""

from __future__ import annotations

from django import forms


class ReviewForm(forms.Form):
    """How a doubt is settled; which decisions and fields will do is for the service to say."""

    decision = forms.CharField(max_length=30, error_messages={"required": "Select a decision"})
    note = forms.CharField(max_length=4000, error_messages={"required": "Enter the reason for your decision"})
    seen = forms.CharField(required=False, max_length=64)

    @property
    def accepts_fields(self) -> bool:
        """Whether the boxes belong to the decision chosen; those of another decision are passed over."""
        return bool(self.cleaned_data["decision"] == "accept-fields")
