"""A source as those see it who operate it: live, on a narrow screen too, and with the keyboard."""

from __future__ import annotations

import json
import re
import time
import urllib.request

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.services.add_user import NewUser, add_user
from aggregator.sources.models import Source
from tests.demonstration import PASSWORD, Stories
from tests.integration.health.test_checking import check
from tests.journey.test_stories_in_a_browser import assert_usable

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PROGRAMME = "ms.pryce"


@pytest.fixture
def source(stories: Stories) -> Source:
    cache.clear()  # of failures that other tests counted
    found = Source.objects.order_by("rank", "slug")[0]
    new = NewUser(
        username=PROGRAMME,
        password=PASSWORD,
        family="Pryce",
        given="Ada",
        organisation_ods=found.organisation.ods_code,
        role=Role.PROGRAMME_ADMINISTRATOR,
    )
    add_user(requester=operator(), user=new, now=timezone.now())
    check()
    return found


def test_a_source_that_reports_itself_degraded_is_on_the_board_within_two_seconds(
    page: Page, web: str, source: Source
) -> None:
    page.goto("/")
    page.get_by_label("User name").fill(PROGRAMME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Sources").click()
    assert_usable(page)
    page.locator(f"#source-{source.slug}").click()
    expect(page.get_by_role("heading", name="The last 24 hours")).to_be_visible()
    assert_usable(page)
    page.get_by_role("button", name="Make a token").click()
    token = page.locator("code").first.inner_text()
    assert_usable(page)

    page.goto("/sources")
    row = page.get_by_role("row").filter(has=page.locator(f"#source-{source.slug}"))
    expect(row).to_contain_text("Up")
    page.locator(f"#source-{source.slug}").focus()
    request = urllib.request.Request(
        f"{web}/api/sources/{source.id}/health",
        data=json.dumps({"status": "degraded", "message": "Disk nearly full"}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204
    expect(row).to_contain_text("Degraded", timeout=10_000)
    # Two seconds on a machine of its own; others run tests on this one.
    assert time.monotonic() - began < 4
    expect(row).to_contain_text("Disk nearly full")
    # The board was drawn anew, and whoever uses the keyboard is still where they were.
    assert page.evaluate("document.activeElement.id") == f"source-{source.slug}"


def test_a_source_is_paused_and_asked_again(page: Page, source: Source) -> None:
    page.goto("/")
    page.get_by_label("User name").fill(PROGRAMME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"/sources/{source.id}")
    page.get_by_role("link", name="Pause", exact=True).click()
    assert_usable(page)
    page.get_by_role("button", name="Pause this source").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert_usable(page)
    page.get_by_label("Why is it paused?").fill("Their disk is being replaced.")
    page.get_by_role("button", name="Pause this source").click()
    expect(page.locator("#state")).to_contain_text("Paused")
    page.get_by_role("link", name="Ask it again").click()
    page.get_by_label("Why is it asked again?").fill("It has been replaced.")
    page.get_by_role("button", name="Ask this source again").click()
    expect(page.get_by_role("table", name=re.compile("Who paused it"))).to_contain_text("Ada Pryce")
    page.get_by_role("button", name="Try it step by step").click()
    expect(page.get_by_role("heading", name=re.compile("Trial of"))).to_be_visible()
    assert_usable(page)
    page.goto("/sources/add")
    assert_usable(page)
