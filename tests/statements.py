"""What the database was asked, to be compared: which statements, in which order, without values."""

from __future__ import annotations

import re

from django.test.utils import CaptureQueriesContext

_VALUE = re.compile(r"'\\x[0-9a-f]*'::bytea|'(?:[^']|'')*'|\b\d+\b|s\d+_x\d+")


def asked_in(captured: CaptureQueriesContext, /) -> list[str]:
    """Return the statements that were asked. Which of them a connection prepared first depends on who came before."""
    statements = (query["sql"] for query in captured.captured_queries)
    return [_VALUE.sub("?", statement) for statement in statements if not statement.startswith("PREPARE ")]
