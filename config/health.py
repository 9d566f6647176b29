"""Health checks for load balancers and the launcher: no sign-in, and no information inside."""

from __future__ import annotations

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer that the process is running."""
    return JsonResponse({"live": True})


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database and Redis answer, otherwise 503."""
    parts = {"database": _database_answers(), "redis": _redis_answers()}
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    try:
        for url in {settings.REDIS_URL, settings.HELD_REDIS_URL}:
            with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=1) as client:
                client.ping()
    except redis.RedisError:
        return False
    return True
