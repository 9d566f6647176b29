"""The only reader of environment variables: typed, with errors that name what is missing.

Every variable may instead be a file of that name (in lower case) in the folder named by SECRETS_FOLDER, so that secrets
need not be in the environment of a process.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

CONNECTOR = re.compile(r"(?P<kind>[a-z][a-z0-9_]{0,29})\s*=\s*(?P<path>[A-Za-z_]\w*(\.[A-Za-z_]\w*)+)", re.ASCII)
KEY_BYTES = 32  # for both AES-256 and HMAC-SHA-256

_defaults: dict[str, str] = {}


class SettingError(Exception):
    """A setting is missing or invalid; the message names it and says what to do."""


class Environment(BaseSettings):
    """The settings read from the environment. Variables have these names in capitals; descriptions say what each is."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True, env_ignore_empty=True)

    database_url: SecretStr = Field(SecretStr(""), description="PostgreSQL 15 or later, as the role that serves users")
    database_owner_url: SecretStr = Field(SecretStr(""), description="the same database, as the role that migrates")
    redis_url: SecretStr = Field(SecretStr(""), description="Redis 7 or Valkey: the queue")
    held_redis_url: SecretStr = Field(SecretStr(""), description="Redis for held items and events; default REDIS_URL")
    secret_key: SecretStr = Field(SecretStr(""), description="signs sessions and tickets; 50 characters or more")
    held_items_key: SecretStr = Field(SecretStr(""), description="seals held items; 32 bytes in base64")
    public_url: str = Field("", description="the address that users see, https://host")
    allowed_hosts: str = Field("", description="host names served, with commas between")
    trusted_proxy: bool = Field(False, description="whether a proxy in front removes and sets X-Forwarded-Proto")
    proxy_addresses: str = Field("", description="addresses or networks of proxies whose X-Forwarded-For is believed")
    email_host: str = Field(
        "", description="the mail server that alerts are sent through; without, none is sent by email"
    )
    email_port: int = Field(25, gt=0, lt=65536, description="its port")
    email_use_tls: bool = Field(False, description="whether the connection turns to TLS (STARTTLS), as at port 587")
    email_use_ssl: bool = Field(False, description="whether the connection begins with TLS, as at port 465")
    email_host_user: str = Field("", description="the user name at the mail server, if it asks for one")
    email_host_password: SecretStr = Field(SecretStr(""), description="the password at the mail server")
    email_from: str = Field("", description="the address that alerts by email come from")
    alerts_key: SecretStr = Field(SecretStr(""), description="seals the secrets of webhooks; 32 bytes in base64")
    metrics_networks: str = Field("", description="networks that may read /metrics; none without")
    webhook_networks: str = Field("", description="networks of webhooks beside the internet, with commas between")
    data_folder: Path = Field(Path(".data"), description="where a private PostgreSQL and Redis keep their files")
    terminology_file: Path | None = Field(
        None,
        description="the value sets that `load_terminology` compiles; without, only those that come with the service",
    )
    log_format: str = Field("json", pattern="^(json|console)$", description="json or console")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    source_networks: str = Field("", description="networks of sources beside the internet, with commas between")
    retrieval_deadline_s: float = Field(10.0, gt=0, le=60, description="seconds to wait for sources at most")
    source_time_limit_s: float = Field(9.0, gt=0, le=60, description="the most seconds that one source may take")
    flights_per_source: int = Field(24, gt=0, description="requests to one source at once, per worker process")
    source_requests_at_once: int = Field(200, gt=0, description="requests to one source at once, by all workers")
    flights_per_worker: int = Field(128, gt=0, description="requests to all sources at once, per worker process")
    sign_in_failures: int = Field(5, gt=0, description="failed sign-ins of an account at one address, in 15 minutes")
    sign_in_failures_per_account: int = Field(20, gt=0, description="failed sign-ins of an account, in 15 minutes")
    sign_in_failures_per_address: int = Field(60, gt=0, description="failed sign-ins at one address, in a minute")
    anonymous_requests_per_minute: int = Field(
        1200, gt=0, description="requests at one address without a session, in a minute, per web process"
    )
    hashing_slots: int = Field(2, gt=0, description="passwords hashed at once, per web process; 46 MiB each")
    sessions_per_user: int = Field(5, gt=0, description="sessions of one user; the oldest ends at one more sign-in")
    searches_per_minute: int = Field(60, gt=0, description="searches by one user, in a minute")
    openings_per_minute: int = Field(
        20, gt=0, description="records opened, documents fetched and patients claimed by one user, in a minute"
    )
    client_openings_per_minute: int = Field(
        120, gt=0, description="records opened by one registered system, in a minute"
    )
    tokens_per_minute: int = Field(60, gt=0, description="access tokens asked for at one address, in a minute")
    health_reports_per_minute: int = Field(60, gt=0, description="reports of one source about itself, in a minute")
    fhir_requests_per_minute: int = Field(
        300, gt=0, description="requests by one user or system at the FHIR door, in a minute"
    )
    self_claim_hours: int = Field(24, gt=0, le=168, description="hours for which a claim to care for a patient stands")
    header_timeout_s: float = Field(10.0, gt=0, le=60, description="seconds until a request's headers must be complete")
    connections_per_address: int = Field(200, gt=0, description="connections of one address, per web process")
    source_secrets_folder: str = Field(
        "", description="the folder with the secrets that sources' options name, one per file"
    )
    other_connectors: str = Field(
        "", description="connectors of other distributions: kind=package.module.Class, with commas between"
    )
    retrieval_retention_s: int = Field(1800, gt=0, description="seconds that retrieved items are held")

    def text(self, name: str) -> str:
        """Return the setting of this (capital) name.

        Raises: SettingError, saying what the setting is for, when it is not set.
        """
        value = getattr(self, name.lower())
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        if not text:
            raise SettingError(f"{name} is not set: {type(self).model_fields[name.lower()].description}.")
        return text

    def networks(self, name: str) -> tuple[str, ...]:
        """Return the networks that the setting of this (capital) name lists.

        Raises: SettingError when one is no network.
        """
        listed = tuple(filter(None, (part.strip() for part in str(getattr(self, name.lower())).split(","))))
        try:
            return tuple(str(ipaddress.ip_network(part)) for part in listed)
        except ValueError:
            raise SettingError(f"{name} must list networks such as 10.0.0.0/8, with commas between.") from None

    def connectors(self, name: str, /, *, ours: Mapping[str, str]) -> dict[str, str]:
        """Return our own connectors, and those that the setting of this (capital) name lists.

        Raises: SettingError for what names no connector, and for a kind that there is already.
        """
        declared = dict(ours)
        for line in filter(None, (part.strip() for part in str(getattr(self, name.lower())).split(","))):
            match = CONNECTOR.fullmatch(line)
            if match is None:
                raise SettingError(
                    f"{name} must list connectors such as ward_book=ward_book.connector.WardBook, with commas between."
                )
            if match["kind"] in declared:
                raise SettingError(f"{name} declares the kind {match['kind']}, of which there is a connector already.")
            declared[match["kind"]] = match["path"]
        return declared

    def key(self, name: str) -> bytes:
        """Return the key of this (capital) name as bytes.

        Raises: SettingError when it is missing, not base64 or not of the right length.
        """
        try:
            key = base64.b64decode(self.text(name), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise SettingError(
                f"{name} must be {KEY_BYTES} bytes in base64; `openssl rand -base64 {KEY_BYTES}` generates one."
            )
        return key


def declare_defaults(**defaults: str) -> None:
    """Set defaults (names in lower case) for everything that is read from now on.

    Called by a settings module before it imports `config.settings.base`.
    """
    _defaults.update(defaults)


def read_environment() -> Environment:
    """Return the settings from the environment, with the declared defaults where a variable is not set.

    Raises: SettingError naming the first variable that is invalid.
    """
    folder = os.environ.get("SECRETS_FOLDER")
    set_names = {name.lower() for name, value in os.environ.items() if value}
    if folder and Path(folder).is_dir():
        set_names |= {path.name.lower() for path in Path(folder).iterdir()}
    defaults: dict[str, Any] = {name: value for name, value in _defaults.items() if name not in set_names}
    try:
        return Environment(_secrets_dir=folder, **defaults)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        raise SettingError(f"{str(first['loc'][0]).upper()} cannot be used: {first['msg']}.") from None


@dataclass(frozen=True, kw_only=True)
class RedisParts:
    """Where a Redis is. `is_verified`: by TLS, and its certificate is checked."""

    host: str
    password: str
    is_verified: bool


def redis_parts(url: str, *, name: str) -> RedisParts:
    """Return what an address of a Redis says. `name` is the setting that holds it.

    Raises: SettingError when it is not the address of a Redis.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise SettingError(f"{name} must look like rediss://user:password@host:6379/0.")
    unchecked = query.get("ssl_cert_reqs", "required") not in {"required", "CERT_REQUIRED"}
    return RedisParts(
        host=parts.hostname or "",
        password=unquote(parts.password or query.get("password", "")),
        is_verified=parts.scheme == "rediss"
        and not unchecked
        and query.get("ssl_check_hostname", "true").lower() in {"true", "1", "yes"},
    )


def is_on_this_machine(host: str, /) -> bool:
    """Return whether a server's host is this machine: loopback, or "" or a folder for a socket of the file system."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_one_byte_repeated(key: bytes, /) -> bool:
    """Return whether a key is all zeros, or another byte over and over: a placeholder that somebody left."""
    return len(set(key)) == 1


def database_parts(url: str) -> dict[str, Any]:
    """Return a PostgreSQL address as Django's NAME, USER, PASSWORD, HOST, PORT and OPTIONS.

    Raises: SettingError when it is not the address of a PostgreSQL database.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise SettingError("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    return {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
