"""Logging of allow-listed fields only: nothing else reaches a log, whoever logs it.

A library's message may contain what a stranger sent, an address with an NHS number or a task's arguments. So only the
logger, level, place and exception class of a library's record are written. Of our own records, the event, which is a
constant in the code, and the fields below are written.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponseBase

ALLOWED_FIELDS = frozenset(
    {
        "event", "level", "logger", "at", "error", "where",
        "request_id", "retrieval_id", "source_id", "source_kind", "alert_id", "task", "queue",
        "outcome", "reason", "code", "count", "duration_ms", "attempt", "ahead_s", "by_s",
        "method", "route", "status",
        "hostname", "pid", "version", "setting",
    }
)  # fmt: skip

# Loggers whose messages consist of constants and our own addresses, and so may be written in full.
OUR_LOGGERS = ("aggregator", "config", "connectors", "longview")
STARTUP_LOGGERS = ("uvicorn.error",)
# Their lines per task or request say nothing that ours do not; without their messages they are only noise.
ERRORS_ONLY = ("celery.worker.strategy", "celery.app.trace", "celery.beat", "celery.redirected", "asyncio")
SILENT = ("uvicorn.access", "django.server", "hl7", "aiohttp.access")

Event = MutableMapping[str, Any]


def keep_allowed_fields(_logger: Any, _method: str, event: Event) -> Event:
    """Drop every field that is not on the list; log only the class and place of an exception."""
    failure = event.pop("exc_info", None)
    if isinstance(failure, BaseException):
        failure = (type(failure), failure, failure.__traceback__)
    elif failure is True:
        failure = sys.exc_info()
    if failure and failure[0] is not None:
        event["error"] = failure[0].__name__
        event["where"] = _place(failure[2])
    return {name: value for name, value in event.items() if name in ALLOWED_FIELDS or name.startswith("_")}


def hide_foreign_message(_logger: Any, _method: str, event: Event) -> Event:
    """Replace a library's message by the place that logged it."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and not record.name.startswith((*OUR_LOGGERS, *STARTUP_LOGGERS)):
        event["event"] = f"{record.module}.{record.funcName}"
    return event


def _place(traceback: Any) -> str:
    """Return the module and line where an exception was raised, and nothing else about it."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return ""
    return f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"


def configure(options: dict[str, Any]) -> None:
    """Configure structlog and the standard library's logging. Django calls this with settings.LOGGING."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        keep_allowed_fields,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    console = options.get("format") == "console"
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:-1], hide_foreign_message, keep_allowed_fields],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
                if console
                else structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(options.get("level", "INFO"))
    for name in ERRORS_ONLY:
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in SILENT:
        logging.getLogger(name).disabled = True


_log = structlog.get_logger("longview.request")


class RequestLog:
    """One line per request: method, route name, status and duration; never the path, which may identify a person."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and log how."""
        started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=str(uuid4()))
        response = self.get_response(request)
        match = request.resolver_match
        _log.info(
            "request",
            method=request.method,
            route=match.view_name if match else "unknown",
            status=response.status_code,
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return response
