"""Every page that links lead to, role by role: whoever needs it can use it, and it fits a narrow screen."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from aggregator.accounts.models import User
from tests.demonstration import ADMINISTRATOR, CLINICIAN, Stories
from tests.journey.test_stories_in_a_browser import assert_usable, find, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST_KINDS = 60
ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{8,}")
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff" * 2


def linked(page: Page) -> dict[str, str]:
    """Return the pages that a page links to: the address of one of each kind, which differ by ids alone."""
    links = page.locator("a[href^='/']:not([download])")
    addresses = [link.get_attribute("href") or "" for link in links.all()]
    return {ID.sub("", urlsplit(address).path): address for address in addresses}


@pytest.mark.parametrize("username", [CLINICIAN, ADMINISTRATOR, "prog.lindh", "privacy.howe"])
def test_every_page_that_links_lead_to_is_usable(page: Page, stories: Stories, username: str) -> None:
    User.objects.filter(username="dr.kilbride").update(family=LONG_NAME)
    sign_in(page, username)
    waiting = linked(page)
    find(page, stories.by_slug["two-doses"]["nhs_number"])
    waiting |= linked(page)
    if username == CLINICIAN:
        page.get_by_role("button", name="Open record").click()
        page.get_by_role("link", name="Source cop").first.wait_for()
        waiting |= linked(page)
    seen: set[str] = set()
    while waiting and len(seen) < MOST_KINDS:
        kind, address = waiting.popitem()
        seen.add(kind)
        page.goto(address)
        assert_usable(page)
        waiting |= {kind: address for kind, address in linked(page).items() if kind not in seen}
    assert not waiting, "there are more kinds of pages than were looked at"
