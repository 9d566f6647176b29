"""What can be registered as a client, and what of it is kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aggregator.accounts.clients import OAUTH_ID
from aggregator.accounts.key_fetching import key_set_reach, published_keys
from aggregator.accounts.key_sets import KeySetRefused, read_key_set
from aggregator.accounts.models import Client, Organisation
from aggregator.accounts.queries import oauth_id_is_taken, organisation_by_code
from aggregator.accounts.scopes import EVERY_TYPE, Scopes, invalid_scope, read_scopes
from aggregator.errors import Invalid
from aggregator.limits import check_length
from fhir_data.releases import Release, model_of


@dataclass(frozen=True, kw_only=True)
class NewClient:
    """A client to register. Its keys are in `key_set`, a JWK Set as JSON, or published at `key_set_url`.

    `organisation_name` is needed for an organisation that is not known yet.
    """

    oauth_id: str
    name: str
    organisation_ods: str
    organisation_name: str = ""
    key_set: str = ""
    key_set_url: str = ""
    scopes: str


@dataclass(frozen=True, kw_only=True)
class CheckedClient:
    """A client that can be registered. `key_set` are its keys without all else that was sent, None at an address."""

    new: NewClient
    scopes: Scopes
    key_set: dict[str, Any] | None

    def as_terms(self) -> dict[str, str]:
        """Return it as the terms of a change, its keys without all else that was sent with them."""
        new = self.new
        return {
            "oauth_id": new.oauth_id,
            "name": new.name,
            "organisation_ods": new.organisation_ods,
            "key_set": json.dumps(self.key_set) if self.key_set else "",
            "key_set_url": new.key_set_url,
            "scopes": str(self.scopes),
        }


def check_client_and_keys(*, client: NewClient) -> CheckedClient:
    """Return what of a client would be kept. Keys at an address are fetched, so it must not run in a transaction.

    Raises: Invalid naming the field.
    """
    checked = check_client(client=client)
    if client.key_set_url:
        try:
            published_keys().at(url=client.key_set_url)
        except KeySetRefused as refused:
            raise _unusable(refused, field="key_set_url") from None
    return checked


def check_client(*, client: NewClient) -> CheckedClient:
    """Return what of a client would be kept; what is at the address of its keys is not looked at.

    Raises: Invalid naming the field.
    """
    if not OAUTH_ID.fullmatch(client.oauth_id):
        raise Invalid(
            "Client id must be 1 to 64 lower-case letters, digits, full stops, hyphens and underscores, and start with "
            "a letter or a digit.",
            field="oauth_id",
        )
    if oauth_id_is_taken(oauth_id=client.oauth_id):
        raise taken()
    if not client.name.strip():
        raise Invalid("Enter the name of the system.", field="name")
    check_length(model=Client, field="name", value=client.name, label="Name")
    _check_organisation(client)
    scopes = read_scopes(text=client.scopes)
    unknown = [name for name in scopes.types if name != EVERY_TYPE and not model_of(name=name, release=Release.R4)]
    if unknown:
        raise invalid_scope(f"FHIR R4 has no resource of type {', '.join(unknown)}.")
    return CheckedClient(new=client, scopes=scopes, key_set=_checked_keys(client))


def _check_organisation(client: NewClient) -> None:
    if not client.organisation_ods:
        raise Invalid("Enter the ODS code of the organisation.", field="organisation_ods")
    columns = {
        "ods_code": ("organisation_ods", client.organisation_ods, "ODS code of the organisation"),
        "name": ("organisation_name", client.organisation_name, "Name of the organisation"),
    }
    for column, (field, value, label) in columns.items():
        check_length(model=Organisation, field=column, value=value, label=label, as_field=field)
    if not client.organisation_name and organisation_by_code(ods_code=client.organisation_ods) is None:
        words = "No organisation has this ODS code here. Enter its name as well, if the code is right."
        raise Invalid(words, field="organisation_ods")


def _checked_keys(client: NewClient) -> dict[str, Any] | None:
    """Return the key set of a client; None where it publishes one.

    Raises: Invalid naming the field.
    """
    if bool(client.key_set) == bool(client.key_set_url):
        raise Invalid("Give the public keys as a key set, or the address of one; not both.", field="key_set")
    if client.key_set_url:
        _check_address(client.key_set_url)
        return None
    try:
        return read_key_set(body=client.key_set.encode(errors="replace")).as_json()
    except KeySetRefused as refused:
        raise _unusable(refused, field="key_set") from None


def _unusable(refused: KeySetRefused, *, field: str) -> Invalid:
    return Invalid(f"The key set cannot be used. {refused.fault.words}", field=field)


def _check_address(url: str) -> None:
    check_length(model=Client, field="key_set_url", value=url, label="Address of the key set")
    try:
        address = urlsplit(url)
        is_sound = bool(address.hostname) and not (address.username or address.password or address.fragment)
    except ValueError:  # such as half an IPv6 address
        is_sound = False
    if not is_sound:
        raise Invalid("The address of the key set cannot be read.", field="key_set_url")
    if not key_set_reach().may_speak(scheme=address.scheme, host=address.hostname or ""):
        words = "No key set may have this address: use https://, and a host on the internet or in SOURCE_NETWORKS."
        raise Invalid(words, field="key_set_url")


def taken() -> Invalid:
    """Return the error that refuses an id which is a client's already."""
    words = "A client with this id is registered, or was before: an id is never given to another. Choose a new one."
    return Invalid(words, field="oauth_id", code="taken")
