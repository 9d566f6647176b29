"""A date that is entered as day, month and year, a box each (NHS design system)."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django import forms


class DateParts(forms.Form):
    """`date_name` is what services call the date; its errors stand at the first box. None is entered: None."""

    date_name: ClassVar[str]
    date_problem: ClassVar[str] = "Enter a real date, for example 14 8 2026"
    day = forms.CharField(max_length=4, required=False)
    month = forms.CharField(max_length=4, required=False)
    year = forms.CharField(max_length=6, required=False)

    entered_date: date | None = None

    @property
    def iso_date(self) -> str:
        """The date as text, "" for none."""
        return self.entered_date.isoformat() if self.entered_date else ""

    def clean(self) -> None:
        parts = [str(self.cleaned_data.get(name, "")).strip() for name in ("year", "month", "day")]
        if not any(parts):
            return
        try:
            self.entered_date = date(*(int(part) for part in parts))
        except ValueError:
            self.add_error("day", self.date_problem)

    def add_refusal(self, *, field: str, words: str) -> None:
        """Put what a service refused beside its box, or above all where it has none."""
        name = "day" if field == self.date_name else field
        self.add_error(name if name in self.fields else None, words)
