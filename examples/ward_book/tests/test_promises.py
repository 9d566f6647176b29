"""The connector keeps what every connector promises. What fails says what to do next."""

from __future__ import annotations

import pytest
from example import EXAMPLE

from connectors.promises.checks import PROMISES, Promise


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_the_connector_keeps_its_promise(promise: Promise) -> None:
    promise(example=EXAMPLE)
