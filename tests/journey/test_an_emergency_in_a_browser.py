"""An emergency as those live it who open a record, review that and say who users are, on a narrow screen too."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from aggregator.accounts.models import Organisation, User
from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.services.add_user import NewUser, add_user
from tests.demonstration import PASSWORD, Stories
from tests.journey.test_stories_in_a_browser import (
    NARROW,
    PATIENCE_MS,
    WIDE,
    assert_accessible,
    assert_usable,
    find,
    sign_in,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# A hospital that cares for nobody in the stories.
ELSEWHERE = "ZZ999"
STAFF = {
    "dr.away": (Role.CLINICIAN, "Ama", "Osei"),
    "ms.howe": (Role.PRIVACY_OFFICER, "Ruth", "Howe"),
    "ms.lane": (Role.ADMINISTRATOR, "Ivy", "Lane"),
}


@pytest.fixture
def staff(stories: Stories) -> None:
    cache.clear()  # of failures that other tests counted
    Organisation.objects.create(ods_code=ELSEWHERE, name="Far Hospital")
    for username, (role, given, family) in STAFF.items():
        new = NewUser(
            username=username, password=PASSWORD, family=family, given=given, organisation_ods=ELSEWHERE, role=role
        )
        add_user(requester=operator(), user=new, now=timezone.now())


def leave(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()


def test_an_emergency_is_opened_and_ended_and_the_officer_learns_that_it_was_their_own_record(
    page: Page, stories: Stories, staff: None
) -> None:
    story = stories.by_slug["two-doses"]
    sign_in(page, "dr.away")
    find(page, story["nhs_number"])
    page.get_by_role("button", name="Open record").click()
    expect(page.get_by_role("link", name="open this record for 30 minutes")).to_be_visible()
    assert_usable(page)
    page.get_by_role("link", name="open this record for 30 minutes").click()
    expect(page.get_by_role("heading", name="Open this record in an emergency")).to_be_visible()
    assert_usable(page)
    page.get_by_role("button", name="Open this record in an emergency").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert_usable(page)
    page.get_by_label("Unconscious, or too unwell to be asked").check()
    page.get_by_label("What has happened?").fill("Brought in by ambulance.")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Open this record in an emergency").click()
    banner = page.get_by_role("region", name="Emergency access")
    expect(banner).to_contain_text("Open in an emergency until")
    # Until then parts of the page are replaced as sources answer.
    completeness = page.locator(".app-completeness")
    expect(completeness).to_contain_text("sources have answered", timeout=PATIENCE_MS)
    expect(completeness).not_to_contain_text("waiting", timeout=PATIENCE_MS)
    assert_accessible(page)
    page.set_viewport_size(NARROW)
    within = banner.bounding_box()
    assert within
    assert within["x"] + within["width"] <= NARROW["width"]
    page.set_viewport_size(WIDE)
    page.get_by_role("button", name="End emergency access").click()
    expect(page.get_by_role("heading", name="Find a person")).to_be_visible()
    leave(page)

    sign_in(page, "ms.lane")
    page.goto(f"/users/{User.objects.get(username='dr.away').id}")
    assert_usable(page)
    page.get_by_role("link", name="Join this account to a person").click()
    page.get_by_label("Their NHS number").fill(story["nhs_number"])
    for label, part in zip(("Year", "Month", "Day"), story["birth_date"].split("-"), strict=True):
        page.get_by_label(label).fill(part)
    page.get_by_label("How do you know who they are?").fill("From the staff record.")
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_label("It is the same person, under another name")).to_be_visible()
    assert_usable(page)
    page.get_by_label("It is the same person, under another name").check()
    page.get_by_role("button", name="Join").click()
    page.get_by_role("link", name="End this, if it is the wrong person").click()
    expect(page.get_by_role("heading", name="joined to the wrong person?")).to_be_visible()
    assert_usable(page)
    leave(page)

    sign_in(page, "ms.howe")
    page.get_by_role("link", name="Access to review").click()
    expect(page.get_by_role("table")).to_contain_text("This is the user's own record.")
    assert_usable(page)
    page.get_by_role("link", name="Ama Osei").click()
    page.get_by_text("What is looked for").click()
    assert_usable(page)
