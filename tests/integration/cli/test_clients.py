"""Systems are registered, listed and ended by command."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.machine import ask_for_token
from tests.signing import CLIENT, key_set
from tests.world import SURGERY_ODS, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(tmp_path: Path) -> str:
    make_world()
    path = tmp_path / "keys.json"
    path.write_text(key_set())
    return str(path)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def registered(keys: str, *more: str, ods: str = SURGERY_ODS, scopes: str = "system/*.rs") -> str:
    return said(
        *("register_client", CLIENT, "--name", "Ward system", "--ods", ods, "--scopes", scopes),
        *("--key-set", keys, *more),
    )


def test_a_system_is_registered_listed_and_ended(keys: str) -> None:
    assert registered(keys) == f"{CLIENT} is registered.\n"
    assert ask_for_token().status_code == 200
    assert said("list_clients").splitlines() == [
        f"{CLIENT}  {SURGERY_ODS}  system/*.rs  may ask  Ward system",
        "1 may ask, 1 in all.",
    ]
    assert said("end_client", CLIENT, "--reason", "Replaced.") == f"{CLIENT} is ended.\n"
    (line,) = json.loads(said("list_clients", "--json"))
    assert (line["client_id"], line["organisation"], line["scopes"]) == (CLIENT, SURGERY_ODS, "system/*.rs")
    assert line["registered_at"] < line["last_asked_at"] < line["ended_at"]
    assert ask_for_token().status_code == 401


def test_an_organisation_that_is_not_known_needs_a_name(keys: str) -> None:
    with pytest.raises(CommandError, match="Enter its name as well"):
        registered(keys, ods="X99777")
    assert registered(keys, "--organisation", "The Hospice", ods="X99777") == f"{CLIENT} is registered.\n"


def test_what_is_wrong_is_said_and_nothing_is_registered(keys: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Scopes must be like"):
        registered(keys, scopes="everything")
    with pytest.raises(CommandError, match="cannot be read"):
        registered(str(tmp_path / "nothing.json"))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="is no text"):
        registered(str(binary))
    with pytest.raises(CommandError, match="registered under this id"):
        said("end_client", CLIENT, "--reason", "x")
    registered(keys)
    with pytest.raises(CommandError, match="Enter why"):
        said("end_client", CLIENT, "--reason", " ")
    said("end_client", CLIENT, "--reason", "Replaced.")
    with pytest.raises(CommandError, match="has been ended already"):
        said("end_client", CLIENT, "--reason", "Again.")
    with pytest.raises(CommandError, match="never given to another"):
        registered(keys)
