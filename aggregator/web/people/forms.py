"""What somebody types to find a person. Forms check that input can be read; services check that it makes sense."""

from __future__ import annotations

from datetime import date

from django import forms


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
            self.add_error("day", "Date of birth must be a real date, for example 14 8 1980")
