"""Health checks for load balancers and the launcher: no sign-in, and no information inside."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

# A disk with less room than this, for us, is full: a request's body may have to be written to a file.
LEAST_FREE_BYTES = 64 * 1024 * 1024


@login_not_required
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer that the process is running."""
    return JsonResponse({"live": True})


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database takes writes, Redis answers and there is room on the disk, otherwise 503."""
    parts = {"database": _database_takes_writes(), "redis": _redis_answers(), "disk": _disk_has_room()}
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)


def _database_takes_writes() -> bool:
    """Return whether the database answers and is neither a standby nor set to read-only, as when its disk is full."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            (read_only,) = cursor.fetchone()
    except (DatabaseError, InterfaceError):
        return False
    return bool(read_only == "off")


def _disk_has_room() -> bool:
    """Return whether there is room where we write: for temporary files, and in the data folder if there is one."""
    folders = (Path(tempfile.gettempdir()), settings.DATA_FOLDER)
    return all(_has_room(folder) for folder in folders if folder.exists())


def _has_room(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    # Some file systems count no files.
    return disk.f_bavail * disk.f_frsize >= LEAST_FREE_BYTES and (disk.f_favail > 0 or disk.f_files == 0)


def _redis_answers() -> bool:
    try:
        for url in {settings.REDIS_URL, settings.HELD_REDIS_URL}:
            with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=1) as client:
                client.ping()
    except redis.RedisError:
        return False
    return True
