"""Production refuses to start on what must not be there, and says what in a line."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
KEY = base64.b64encode(bytes(range(32))).decode()
GOOD = {
    "DATABASE_URL": "postgresql://app:x@db.example/longview",
    "DATABASE_OWNER_URL": "postgresql://owner:x@db.example/longview",
    "REDIS_URL": "rediss://redis.example/0",
    "SECRET_KEY": "only-for-this-test-0123456789-abcdefghijklmnopqrstuvwxyz",
    "HELD_ITEMS_KEY": KEY,
    "PUBLIC_URL": "https://records.example",
    "ALLOWED_HOSTS": "records.example",
}


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


def test_it_passes_the_checks_for_deployment(tmp_path: Path) -> None:
    checked = start(tmp_path, "check", "--deploy", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr


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
