"""What somebody enters to sign in, and to say in which role they act."""

from __future__ import annotations

from django import forms


class MembershipForm(forms.Form):
    membership = forms.UUIDField(error_messages={"required": "Select a role", "invalid": "Select a role"})


class SignInForm(forms.Form):
    username = forms.CharField(max_length=150, error_messages={"required": "Enter your user name"})
    # Not stripped: a password may begin or end with a space. The service has a shorter limit, undisclosed.
    password = forms.CharField(max_length=1000, strip=False, error_messages={"required": "Enter your password"})
