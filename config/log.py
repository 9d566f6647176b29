"""Logs of allow-listed fields: what is not on the list never reaches a log, whoever logs it.

A message of a library may hold what a stranger sent, an address with an NHS number or a task's arguments. So of a
foreign record only its logger, level, place and the class of its exception are written; of ours the event, which is a
constant in the code, and the fields below.
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
        "request_id", "retrieval_id", "source_id", "source_kind", "task", "queue",
        "outcome", "reason", "code", "count", "duration_ms", "attempt",
        "method", "route", "status",
        "hostname", "pid", "version", "setting",
    }
)  # fmt: skip

# Loggers whose messages are made of constants and addresses of our own, so that they may be written whole.
OUR_LOGGERS = ("aggregator", "config", "connectors", "longview")
STARTUP_LOGGERS = ("uvicorn.error",)
# A line a task or a request of theirs says nothing that ours do not; without its words it is only noise.
ERRORS_ONLY = ("celery.worker.strategy", "celery.app.trace", "celery.redirected", "asyncio")
SILENT = ("uvicorn.access", "django.server", "hl7", "aiohttp.access")

Event = MutableMapping[str, Any]


def keep_allowed_fields(_logger: Any, _method: str, event: Event) -> Event:
    """Drop every field that is not on the list; an exception is told by its class and place only."""
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
    """Put the place of the call for the words of a library."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and not record.name.startswith((*OUR_LOGGERS, *STARTUP_LOGGERS)):
        event["event"] = f"{record.module}.{record.funcName}"
    return event


def _place(traceback: Any) -> str:
    """Return module and line where an exception was raised, without anything that it holds."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return ""
    return f"{traceback.tb_frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno}"


def configure(options: dict[str, Any]) -> None:
    """Set up structlog and the standard library's logging alike. Django calls this with settings.LOGGING."""
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
    """One line a request: method, name of the route, status, time; never the path, which may name a person."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and say how."""
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
