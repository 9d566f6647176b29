"""What people type. Forms check that input can be read; services say whether it makes sense."""

from __future__ import annotations

from datetime import date

from django import forms


class SignInForm(forms.Form):
    username = forms.CharField(max_length=150, error_messages={"required": "Enter your user name"})
    # Not stripped: a password may begin or end with a space. The service has a shorter limit and says nothing of it.
    password = forms.CharField(max_length=1000, strip=False, error_messages={"required": "Enter your password"})


class FindForm(forms.Form):
    """By NHS number, or by surname and date of birth; a box each for day, month and year (NHS design system)."""

    nhs_number = forms.CharField(max_length=30, required=False)
    family = forms.CharField(max_length=100, required=False)
    given = forms.CharField(max_length=100, required=False)
    day = forms.CharField(max_length=4, required=False)
    month = forms.CharField(max_length=4, required=False)
    year = forms.CharField(max_length=6, required=False)

    birth_date: date | None = None

    def clean(self) -> None:
        parts = [str(self.cleaned_data.get(name, "")).strip() for name in ("year", "month", "day")]
        if not any(parts):
            return
        try:
            self.birth_date = date(*(int(part) for part in parts))
        except ValueError:
            self.add_error("day", "Enter a real date of birth, such as 14 8 1980")


class OptOutForm(forms.Form):
    opted_out = forms.ChoiceField(
        choices=[("yes", "yes"), ("no", "no")], error_messages={"required": "Say whether the patient objects"}
    )
    note = forms.CharField(required=False, max_length=4000)


class ReviewForm(forms.Form):
    """How a doubt is settled; which decisions and fields will do is for the service to say."""

    decision = forms.CharField(max_length=30, error_messages={"required": "Choose a decision"})
    note = forms.CharField(max_length=4000, error_messages={"required": "Say why"})
    seen = forms.CharField(required=False, max_length=64)

    @property
    def accepts_fields(self) -> bool:
        """Whether the boxes belong to the decision chosen; those of another decision are passed over."""
        return bool(self.cleaned_data["decision"] == "accept-fields")
