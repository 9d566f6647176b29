"""`/readyz` says 503 when something that the service needs is away or full, and which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from config import health

pytestmark = pytest.mark.django_db

ALL_WELL = {"database": True, "redis": True, "disk": True}


def readiness() -> tuple[int, dict[str, bool]]:
    answer = Client(headers={"host": "testserver"}).get("/readyz")
    return answer.status_code, answer.json()


def free_bytes(folder: Path) -> int:
    disk = health.os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


@pytest.fixture
def folders(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.DATA_FOLDER = tmp_path / "data"
    settings.DATA_FOLDER.mkdir()
    monkeypatch.setattr(health.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_all_is_well_while_there_is_room(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", free_bytes(folders) // 2)
    assert readiness() == (200, ALL_WELL)


def test_a_disk_with_too_little_room_is_told(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 2 * free_bytes(folders))
    assert readiness() == (503, {**ALL_WELL, "disk": False})


@pytest.mark.parametrize("full", ["temporary files", "data folder"])
def test_either_folder_counts(folders: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, full: str) -> None:
    """`/proc` has no room at all, and so stands for a full disk."""
    if full == "data folder":
        settings.DATA_FOLDER = Path("/proc")
    else:
        monkeypatch.setattr(health.tempfile, "tempdir", "/proc")
    assert free_bytes(Path("/proc")) == 0
    assert readiness() == (503, {**ALL_WELL, "disk": False})


def test_a_data_folder_that_is_not_there_is_not_missed(folders: Path, settings: Any) -> None:
    settings.DATA_FOLDER = folders / "nowhere"
    assert readiness() == (200, ALL_WELL)


def test_a_database_that_only_reads_is_told(folders: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
    assert readiness() == (503, {**ALL_WELL, "database": False})
