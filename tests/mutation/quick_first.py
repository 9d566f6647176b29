"""A pytest plugin for mutants: the quick tests first, so that most mutants are noticed before a law is tried."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the laws after everything else."""
    items.sort(key=lambda item: item.nodeid.startswith("tests/property/"))
