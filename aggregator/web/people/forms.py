"""What somebody types to find a person. Forms check that input can be read; services check that it makes sense."""

from __future__ import annotations

from django import forms

from aggregator.web.dates import DateParts


class FindForm(DateParts):
    """By NHS number, or by surname and date of birth."""

    date_name = "birth_date"
    date_problem = "Date of birth must be a real date, for example 14 8 1980"
    nhs_number = forms.CharField(max_length=30, required=False)
    family = forms.CharField(max_length=100, required=False)
    given = forms.CharField(max_length=100, required=False)
