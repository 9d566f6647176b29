"""What somebody types to sign in."""

from __future__ import annotations

from django import forms


class SignInForm(forms.Form):
    username = forms.CharField(max_length=150, error_messages={"required": "Enter your user name"})
    # Not stripped: a password may begin or end with a space. The service has a shorter limit, undisclosed.
    password = forms.CharField(max_length=1000, strip=False, error_messages={"required": "Enter your password"})
