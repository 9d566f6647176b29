"""The reader of environment variables."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from config import env
from config.env import KEY_BYTES, Environment, SettingError, database_parts, read_environment


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Environment.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(env, "_defaults", {})


def test_a_missing_setting_is_named_with_what_it_is_for() -> None:
    with pytest.raises(SettingError, match=r"^SECRET_KEY is not set: signs sessions"):
        read_environment().text("SECRET_KEY")


def test_an_empty_variable_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVAL_DEADLINE_S", "")
    assert read_environment().retrieval_deadline_s == 10.0


def test_a_value_of_the_wrong_kind_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVAL_DEADLINE_S", "a-secret-by-mistake")
    with pytest.raises(SettingError, match="RETRIEVAL_DEADLINE_S") as raised:
        read_environment()
    assert "a-secret" not in str(raised.value)


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_key_that_is_no_key_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("HELD_ITEMS_KEY", key)
    with pytest.raises(SettingError, match="HELD_ITEMS_KEY") as raised:
        read_environment().key("HELD_ITEMS_KEY")
    assert not key or key not in str(raised.value)


def test_a_key_is_given_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELD_ITEMS_KEY", base64.b64encode(bytes(KEY_BYTES)).decode())
    assert read_environment().key("HELD_ITEMS_KEY") == bytes(KEY_BYTES)


def test_a_secret_may_be_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("from a file\n")
    monkeypatch.setenv("SECRETS_FOLDER", str(tmp_path))
    assert read_environment().text("SECRET_KEY") == "from a file"


def test_the_environment_goes_before_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "_defaults", {"public_url": "http://default"})
    assert read_environment().public_url == "http://default"
    monkeypatch.setenv("PUBLIC_URL", "https://named.example")
    assert read_environment().public_url == "https://named.example"


def test_a_secret_in_a_file_goes_before_a_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(env, "_defaults", {"secret_key": "default"})
    (tmp_path / "secret_key").write_text("from a file\n")
    monkeypatch.setenv("SECRETS_FOLDER", str(tmp_path))
    assert read_environment().text("SECRET_KEY") == "from a file"


def test_secrets_are_not_shown_with_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "very-secret")
    assert "very-secret" not in repr(read_environment())


def test_an_address_with_signs_in_its_password_is_read() -> None:
    parts = database_parts("postgresql://app:p%40ss%2Fw@db.example:5433/longview?sslmode=verify-full")
    assert parts == {
        "NAME": "longview",
        "USER": "app",
        "PASSWORD": "p@ss/w",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "verify-full"},
    }


@pytest.mark.parametrize("address", ["mysql://a/b", "postgresql://host", "sqlite:///file", "nonsense"])
def test_another_kind_of_database_is_refused(address: str) -> None:
    with pytest.raises(SettingError, match="postgresql://"):
        database_parts(address)
