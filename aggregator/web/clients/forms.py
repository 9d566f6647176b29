"""What an administrator enters about a system that is registered. The services check what it means."""

from __future__ import annotations

from django import forms

from aggregator.accounts.registration import NewClient


class RegisterForm(forms.Form):
    name = forms.CharField(max_length=200, error_messages={"required": "Enter the name of the system"})
    oauth_id = forms.CharField(max_length=64, error_messages={"required": "Enter a client id for the system"})
    organisation_ods = forms.CharField(max_length=20, error_messages={"required": "Enter the ODS code"})
    scopes = forms.CharField(max_length=2000, error_messages={"required": "Enter what the system may read"})
    key_set_url = forms.CharField(max_length=500, required=False)
    key_set = forms.CharField(max_length=100_000, required=False)
    reason = forms.CharField(error_messages={"required": "Enter the reason for this change"})

    def client(self) -> NewClient:
        """Return the system that was entered."""
        entered = self.cleaned_data
        return NewClient(
            oauth_id=entered["oauth_id"],
            name=entered["name"],
            organisation_ods=entered["organisation_ods"].upper(),
            key_set=entered["key_set"],
            key_set_url=entered["key_set_url"],
            scopes=" ".join(entered["scopes"].split()),
        )


class EndForm(forms.Form):
    reason = forms.CharField(error_messages={"required": "Enter why the registration is ended"})
