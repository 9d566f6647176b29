"""What somebody enters to open a record in an emergency, and an officer to review that."""

from __future__ import annotations

from django import forms

NOTE_LENGTH = 4000
VERDICTS = (
    ("appropriate", "Yes, it was appropriate"),
    ("not-appropriate", "No, it was not appropriate. If it is still open, it ends at once"),
    ("needs-conversation", "I need to talk to them first. The case stays open"),
)


class BreakGlassForm(forms.Form):
    """Why the record is needed now, and the password once more. The service knows the reasons."""

    reason = forms.CharField(max_length=30, error_messages={"required": "Select why you need this record now"})
    note = forms.CharField(max_length=NOTE_LENGTH, error_messages={"required": "Enter what has happened"})
    # Not stripped: a password may begin or end with a space.
    password = forms.CharField(max_length=1000, strip=False, error_messages={"required": "Enter your password"})


class ReviewForm(forms.Form):
    """What an officer makes of a case. The service knows the verdicts."""

    verdict = forms.CharField(max_length=30, error_messages={"required": "Select your verdict"})
    note = forms.CharField(max_length=NOTE_LENGTH, error_messages={"required": "Enter what you found"})
