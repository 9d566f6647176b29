"""The browser that the other tests use does what they rely on."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page

from tests.services import ASYNC_UNSAFE


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_real_browser_reaches_the_web_process(page: Page) -> None:
    page.goto("/livez")
    assert "live" in (page.text_content("body") or "")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_what_only_the_browser_tests_may_do_reaches_no_process_under_test(
    page: Page, process_environment: dict[str, str]
) -> None:
    assert ASYNC_UNSAFE in os.environ
    assert ASYNC_UNSAFE not in process_environment
