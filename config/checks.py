"""Checks of an installation: `manage.py check --deploy --database default` fails when a step was left out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from aggregator.terminology import compiled
from config.database_roles import excessive_rights, serves_as_owner

OLDEST_POSTGRESQL = 150_000
# What keeps values out of PostgreSQL's log, and what it should be set to at least.
LOG_SETTINGS = {
    "log_min_messages": {"fatal", "panic"},
    "log_min_error_statement": {"panic"},
    "log_error_verbosity": {"terse"},
    "log_statement": {"none"},
    "log_min_duration_statement": {"-1"},
}


@checks.register(checks.Tags.database)
def check_owner(
    *, app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Warn if the role that serves users also owns the tables."""
    if not databases or not serves_as_owner():
        return []
    words = (
        "One database role owns the tables and serves users: only a trigger protects the audit, and that role could "
        "drop it."
    )
    hint = "Put the role that owns the tables in DATABASE_OWNER_URL, for `migrate`, and another in DATABASE_URL."
    return [checks.Warning(words, hint=hint, id="config.W001")]


@checks.register(checks.Tags.database, deploy=True)
def check_database(
    *, app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Say what of the database is not as it must be to serve."""
    if not databases:
        return []
    try:
        return [*_of_tables(), *_of_roles(), *_of_server()]
    except DatabaseError as error:
        words = f"The database does not answer ({type(error).__name__})."
        return [checks.Error(words, hint="See DATABASE_URL, and whether PostgreSQL runs.", id="config.E001")]


def _of_tables() -> Iterator[checks.CheckMessage]:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield checks.Error(
            "The tables are not those of this version.", hint="Run `manage.py migrate` as the owner.", id="config.E002"
        )


def _of_roles() -> Iterator[checks.CheckMessage]:
    if not serves_as_owner() and (rights := excessive_rights()):
        yield checks.Warning(
            f"The role that serves has rights that it does not need: {', '.join(rights)}.",
            hint="Run `manage.py migrate` as the owner, which settles them.",
            id="config.W002",
        )


def _of_server() -> Iterator[checks.CheckMessage]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        version = cursor.fetchone()
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(LOG_SETTINGS)])
        found = dict(cursor.fetchall())
    if version and version[0] < OLDEST_POSTGRESQL:
        yield checks.Error("PostgreSQL must be version 15 or later.", id="config.E003")
    loose = sorted(name for name, wanted in LOG_SETTINGS.items() if found.get(name) not in wanted)
    if loose:
        yield checks.Warning(
            f"PostgreSQL may repeat what is in a row in its log: {', '.join(loose)}.",
            hint="Set them as docs/operating.md says, under `PostgreSQL`.",
            id="config.W003",
        )


@checks.register(deploy=True)
def check_static_files(*, app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Say so where the static files have not been collected: no page could be drawn."""
    if (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        return []
    return [checks.Error("There are no static files.", hint="Run `manage.py collectstatic`.", id="config.E004")]


@checks.register(deploy=True)
def check_address(*, app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Say so where users' requests would be refused or sent round in circles."""
    messages: list[checks.CheckMessage] = []
    host = urlsplit(settings.PUBLIC_URL).hostname
    if host not in settings.ALLOWED_HOSTS:
        words = "ALLOWED_HOSTS does not name the host of PUBLIC_URL: every page would be refused."
        messages.append(checks.Error(words, id="config.E005"))
    if getattr(settings, "SECURE_SSL_REDIRECT", False) and not getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        words = "Pages redirect to https, and no proxy's word is taken for it: they would redirect for ever."
        hint = "Put a proxy that ends TLS in front, and set TRUSTED_PROXY=true."
        messages.append(checks.Warning(words, hint=hint, id="config.W004"))
    return messages


@checks.register(deploy=True)
def check_secrets(*, app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Say so where others on this machine can read the secrets."""
    folder = os.environ.get("SECRETS_FOLDER")
    if not folder:
        words = "Secrets are in the environment, which other processes of the same user can read."
        return [checks.Warning(words, hint="Put them in files, in SECRETS_FOLDER.", id="config.W005")]
    open_to_others = [path for path in (Path(folder), *Path(folder).iterdir()) if path.stat().st_mode & 0o007]
    if not open_to_others:
        return []
    words = f"Everybody on this machine can read {open_to_others[0]}."
    return [checks.Warning(words, hint="Take the rights of others away: chmod o=", id="config.W006")]


@checks.register(deploy=True)
def check_terminology(*, app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Say so where the value sets of sensitive codes cannot be read: no record is shown without them."""
    try:
        compiled.finder()
    except compiled.TerminologyError as error:
        hint = "Load them with `manage.py load_terminology`, or take TERMINOLOGY_FILE away."
        return [checks.Error(str(error), hint=hint, id="config.E007")]
    return []


@checks.register(deploy=True)
def check_redis(*, app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Say so where a Redis does not answer, or this process uses it as one who may do anything."""
    messages: list[checks.CheckMessage] = []
    for name in ("REDIS_URL", "HELD_REDIS_URL"):
        url = getattr(settings, name)
        try:
            with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
                client.ping()
                user = _user_of(client)
        except redis.RedisError as error:
            words = f"The Redis of {name} does not answer, or refuses us ({type(error).__name__})."
            messages.append(checks.Error(words, id="config.E006"))
            continue
        if user == "default":
            words = f"{name} signs in as the user who may do anything."
            hint = "Give each kind of process a user of its own: see docs/operating.md, `Redis`."
            messages.append(checks.Warning(words, hint=hint, id="config.W007"))
    return messages


def _user_of(client: redis.Redis) -> str:
    """Return who we are to Redis, "" where we may not even ask that."""
    try:
        return str(client.acl_whoami())
    except redis.exceptions.NoPermissionError:
        return ""
