"""Says in words when Longview is not there to be tested against."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def pytest_configure() -> None:
    """Refuse to run without Longview."""
    if find_spec("connectors") is None or find_spec("connectors.promises") is None:
        raise pytest.UsageError(
            "Longview is not on the path. Run PYTHONPATH=LONGVIEW LONGVIEW/.venv/bin/python -m pytest, where LONGVIEW "
            "is the folder that holds its manage.py."
        )
