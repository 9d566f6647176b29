"""Production refuses to start on what must not be there, and says what in a line."""

from __future__ import annotations

import ast
import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
PASSWORD = "not-to-be-shown"
KEY = base64.b64encode(bytes(range(32))).decode()
GOOD = {
    "DATABASE_URL": f"postgresql://app:{PASSWORD}@db.example/longview?sslmode=verify-full",
    "REDIS_URL": f"rediss://web:{PASSWORD}@redis.example/0",
    "HELD_REDIS_URL": f"redis://web:{PASSWORD}@127.0.0.1:6379/1",
    "SECRET_KEY": "only-for-this-test-0123456789-abcdefghijklmnopqrstuvwxyz",
    "HELD_ITEMS_KEY": KEY,
    "ALERTS_KEY": KEY,
    "EMAIL_HOST_PASSWORD": PASSWORD,
    "PUBLIC_URL": "https://records.example",
    "ALLOWED_HOSTS": "records.example",
}

MAIL = {"EMAIL_HOST": "mail.example", "EMAIL_FROM": "longview@records.example", "EMAIL_USE_TLS": "true"}


def start(tmp_path: Path, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**GOOD, "DATA_FOLDER": str(tmp_path), **changes}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings.production", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_checks_for_deployment_miss_only_what_is_not_there(tmp_path: Path) -> None:
    checked = start(tmp_path, "check", "--deploy", "--fail-level", "WARNING", TRUSTED_PROXY="true")
    named = set(re.findall(r"\((\w+\.[EW]\d+)\)", checked.stderr))
    # Redis, a folder of secrets; and static files, where nobody has collected them here.
    assert named - {"config.E004"} == {"config.E006", "config.W005"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"DEBUG": "1"}, "DEBUG"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"HELD_ITEMS_KEY": ""}, "HELD_ITEMS_KEY"),
        ({"HELD_ITEMS_KEY": "c2hvcnQ="}, "HELD_ITEMS_KEY"),
        ({"PUBLIC_URL": "http://records.example"}, "PUBLIC_URL"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"REDIS_URL": ""}, "REDIS_URL"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
        ({"HELD_ITEMS_KEY": base64.b64encode(bytes(32)).decode()}, "HELD_ITEMS_KEY"),
        ({"REDIS_URL": "rediss://redis.example/0"}, "REDIS_URL"),
        ({"REDIS_URL": "redis://127.0.0.1/0"}, "REDIS_URL"),
        ({"REDIS_URL": "redis://:x@redis.example/0"}, "REDIS_URL"),
        ({"REDIS_URL": "rediss://:x@redis.example/0?ssl_cert_reqs=none"}, "REDIS_URL"),
        ({"REDIS_URL": "rediss://:x@redis.example/0?ssl_check_hostname=false"}, "REDIS_URL"),
        ({"REDIS_URL": "amqp://:x@queue.example"}, "REDIS_URL"),
        ({"HELD_REDIS_URL": "redis://:x@redis.example/0"}, "HELD_REDIS_URL"),
        ({"DATABASE_URL": "postgresql://app:x@db.example/longview"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://app:x@db.example/longview?sslmode=require"}, "DATABASE_URL"),
        ({"DATABASE_OWNER_URL": "postgresql://owner:x@db.example/longview"}, "DATABASE_OWNER_URL"),
        ({"SOURCE_NETWORKS": "10.0.0.0/8, hospital.example"}, "SOURCE_NETWORKS"),
        ({"WEBHOOK_NETWORKS": "desk.example"}, "WEBHOOK_NETWORKS"),
        ({"ALERTS_KEY": "c2hvcnQ="}, "ALERTS_KEY"),
        ({"ALERTS_KEY": base64.b64encode(bytes(32)).decode()}, "ALERTS_KEY"),
        ({"EMAIL_HOST": "127.0.0.1"}, "EMAIL_FROM"),
        ({**MAIL, "EMAIL_USE_TLS": ""}, "EMAIL_HOST"),
        ({**MAIL, "EMAIL_USE_SSL": "true"}, "EMAIL_USE_TLS"),
        ({**MAIL, "EMAIL_PORT": "0"}, "EMAIL_PORT"),
    ],
)
def test_it_refuses_in_one_line(tmp_path: Path, changes: dict[str, str], named: str) -> None:
    refused = start(tmp_path, "check", **changes)
    assert refused.returncode == 1
    assert refused.stderr.startswith(named)
    assert len(refused.stderr.splitlines()) == 1


def test_it_refuses_the_folder_of_a_demonstration(tmp_path: Path) -> None:
    (tmp_path / "passwords.json").write_text("{}")
    assert "not for patient data" in start(tmp_path, "check").stderr


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:x@127.0.0.1/longview",
        "postgresql://app:x@localhost/longview",
        "postgresql://app:x@[::1]/longview",
        "postgresql:///longview",
    ],
)
def test_a_database_on_this_machine_needs_no_tls(tmp_path: Path, url: str) -> None:
    assert start(tmp_path, "check", DATABASE_URL=url).returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        ["config.serve"],
        ["celery", "--app", "config", "worker", "--pool", "threads"],
        ["celery", "--app", "config.beat", "beat"],
    ],
    ids=["web", "worker", "beat"],
)
def test_a_process_that_serves_refuses_the_owners_address(tmp_path: Path, command: list[str]) -> None:
    owner = f"postgresql://owner:{PASSWORD}@127.0.0.1/longview"
    refused = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "config.settings.production",
            **GOOD,
            "DATA_FOLDER": str(tmp_path),
            "DATABASE_OWNER_URL": owner,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode != 0
    assert "DATABASE_OWNER_URL is set" in refused.stderr
    assert PASSWORD not in refused.stderr + refused.stdout


@pytest.mark.parametrize("command", [("diffsettings",), ("diffsettings", "--all", "--output", "unified")])
def test_settings_that_are_printed_hold_no_secret(tmp_path: Path, command: tuple[str, ...]) -> None:
    shown = start(tmp_path, *command)
    assert shown.returncode == 0, shown.stderr
    assert "SECURE_HSTS_SECONDS" in shown.stdout
    for secret in (PASSWORD, KEY, repr(bytes(range(32))), GOOD["SECRET_KEY"]):
        assert secret not in shown.stdout


def test_cookies_are_for_this_host_alone(tmp_path: Path) -> None:
    """What the prefix `__Host-` demands: Secure, the whole host's path, and no domain. Source: RFC 6265bis, 4.1.3.2."""
    names = ["NAME", "SECURE", "PATH", "DOMAIN", "HTTPONLY", "SAMESITE"]
    asked = [f"{kind}_COOKIE_{name}" for kind in ("SESSION", "CSRF") for name in names]
    script = f"from django.conf import settings; print([getattr(settings, name) for name in {asked}])"
    shown = start(tmp_path, "shell", "--no-imports", "--command", script)
    rest = [True, "/", None, True, "Lax"]
    assert ast.literal_eval(shown.stdout) == ["__Host-sid", *rest, "__Host-csrftoken", *rest]


def test_a_command_that_cannot_reach_the_database_ends_in_one_line(tmp_path: Path) -> None:
    away = {"DATABASE_URL": "postgresql://longview:pass-word@127.0.0.1:1/longview"}
    for command in (["check_sources"], ["pause_source", "royal", "--reason", "Their disk."], ["list_alerts"]):
        ended = start(tmp_path, *command, "--skip-checks", **away)
        assert ended.returncode == 1
        (line,) = ended.stderr.strip().splitlines()
        assert line.startswith("The command did not come to its end: the database cannot be reached")
        assert "pass-word" not in line
    assert "Traceback" in start(tmp_path, "check_sources", "--skip-checks", "--traceback", **away).stderr
