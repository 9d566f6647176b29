"""What is not on the list never reaches a log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings

from config.log import configure

NAME = "EDWARDS Joan 999 000 0018"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    configure({"format": "json", "level": "DEBUG"})
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    out = io.StringIO()
    handler.setStream(out)
    yield out
    configure(settings.LOGGING)


def test_fields_off_the_list_are_dropped(written: io.StringIO) -> None:
    structlog.get_logger("aggregator.x").info("landed", outcome="answered", name=NAME, nhs_number="9990000018")
    line = json.loads(written.getvalue())
    assert line["event"] == "landed"
    assert line["outcome"] == "answered"
    assert "name" not in line
    assert "999" not in written.getvalue().replace(line["at"], "")


def test_words_of_a_library_are_dropped(written: io.StringIO) -> None:
    logging.getLogger("urllib3.somewhere").warning("GET /Patient?identifier=%s", NAME)
    line = json.loads(written.getvalue())
    assert "EDWARDS" not in written.getvalue()
    assert line["logger"] == "urllib3.somewhere"
    assert line["level"] == "warning"


def test_an_exception_is_told_by_its_class_and_place(written: io.StringIO) -> None:
    try:
        raise ValueError(NAME)
    except ValueError:
        logging.getLogger("aggregator.federation").exception("fetch failed")
    line = json.loads(written.getvalue())
    assert line["error"] == "ValueError"
    assert line["where"].startswith(__name__)
    assert "EDWARDS" not in written.getvalue()


def test_an_exception_that_is_handed_over_is_told_alike(written: io.StringIO) -> None:
    structlog.get_logger("aggregator.x").error("gone", exc_info=KeyError(NAME))
    assert json.loads(written.getvalue())["error"] == "KeyError"
    assert "EDWARDS" not in written.getvalue()


@pytest.mark.parametrize("logger", ["uvicorn.access", "aiohttp.access", "hl7"])
def test_loggers_that_write_what_strangers_send_are_silent(written: io.StringIO, logger: str) -> None:
    logging.getLogger(logger).error("GET %s", NAME)
    assert written.getvalue() == ""


def test_a_failed_task_is_told_without_its_arguments(written: io.StringIO) -> None:
    logging.getLogger("celery.app.trace").info("Task accepted: args=%s", NAME)
    logging.getLogger("celery.app.trace").error("Task raised: args=%s", NAME, exc_info=ValueError(NAME))
    line = json.loads(written.getvalue())
    assert line["error"] == "ValueError"
    assert "EDWARDS" not in written.getvalue()
