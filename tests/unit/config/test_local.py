"""A developer's settings read what the launcher wrote, and write nothing themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
KEYS = {"secret_key": "k" * 50, "held_items_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_FOLDER": str(folder),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_reading_the_settings_writes_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    read = run("-c", "from django.conf import settings; print(settings.KEYS_ARE_TEMPORARY)", folder=folder)
    assert read.stdout.strip() == "True", read.stderr
    assert not folder.exists()


def test_the_keys_that_the_launcher_wrote_are_used(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(KEYS))
    words = "from django.conf import settings; print(settings.SECRET_KEY, settings.KEYS_ARE_TEMPORARY)"
    assert run("-c", words, folder=tmp_path).stdout.split() == [KEYS["secret_key"], "False"]


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "config.serve", "--port", "0"),
        ("-m", "celery", "--app", "config", "--quiet", "worker", "--pool", "threads", "--concurrency", "1"),
    ],
)
def test_nothing_serves_with_keys_that_no_other_process_shares(tmp_path: Path, command: tuple[str, ...]) -> None:
    refused = run(*command, folder=tmp_path / "data")
    assert refused.returncode == 1
    assert "SECRET_KEY and HELD_ITEMS_KEY are not set" in refused.stderr
    assert "Traceback" not in refused.stderr
