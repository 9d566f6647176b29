"""The browser that the other tests use does what they rely on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_real_browser_reaches_the_web_process(page: Page) -> None:
    page.goto("/livez")
    assert "live" in (page.text_content("body") or "")
