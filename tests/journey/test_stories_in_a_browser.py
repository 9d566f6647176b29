"""Two of the seven stories as people live them, in a real browser."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from aggregator.accounts.models import User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import Requester, operator
from aggregator.mpi.queries import people_with_number, person_summary
from aggregator.services.load_identities import load_identities
from aggregator.services.record_opt_out import record_opt_out
from aggregator.sources.queries import all_sources
from tests.demonstration import ADMINISTRATOR, CLINICIAN, PASSWORD, Stories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PATIENCE_MS = 15_000
NARROW, WIDE = ViewportSize(width=320, height=740), ViewportSize(width=1280, height=720)
WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def sign_in(page: Page, username: str) -> None:
    page.goto("/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Find a person")).to_be_visible()


def find(page: Page, nhs_number: str) -> None:
    page.goto("/")
    page.get_by_label("NHS number").fill(nhs_number)
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_role("heading", name="1 person found")).to_be_visible()


def assert_accessible(page: Page) -> None:
    page.wait_for_load_state()  # a click does not wait for the page that it leads to
    found = Axe().run(page, options=WCAG)
    assert found.violations_count == 0, found.generate_report()


def assert_usable(page: Page) -> None:
    """Look for what the guidelines forbid, and for anything that a narrow screen cuts off."""
    assert_accessible(page)
    page.set_viewport_size(NARROW)
    assert page.evaluate(WIDER_THAN_THE_SCREEN) <= 0, page.url
    page.set_viewport_size(WIDE)


def test_a_clinician_watches_the_record_of_two_doses_arrive(page: Page, stories: Stories) -> None:
    story = stories.by_slug["two-doses"]
    sign_in(page, CLINICIAN)
    assert_accessible(page)
    find(page, story["nhs_number"])
    assert_accessible(page)
    page.get_by_role("button", name="Open record").click()

    # The page fills in by itself: one silent source does not hold up the four that answer.
    completeness = page.locator(".app-completeness")
    expect(completeness).to_contain_text("waiting for Larkbeck Mental Health Trust", timeout=PATIENCE_MS)
    expect(completeness).to_contain_text("4 of 5 sources have answered")
    expect(page.locator(".app-banner__name")).to_have_text("ELLWOOD, Katherine Anne")
    expect(completeness).to_have_text(
        "4 of 5 sources have answered; Larkbeck Mental Health Trust: did not answer in time.", timeout=PATIENCE_MS
    )
    assert page.locator(".app-results").count() >= 1
    assert_usable(page)

    diabetes = page.locator("#problems .app-entry", has_text="Type 2 diabetes mellitus")
    expect(diabetes).to_contain_text("4 sources")
    entries = page.locator("#medications .app-entry", has_text="Metformin")
    metformin = entries.filter(has_text="Sources disagree.").first
    expect(metformin).to_contain_text("500 mg")
    expect(metformin).to_contain_text("1000 mg")

    metformin.get_by_role("link", name="Source copies").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Metformin")
    expect(page.locator(".app-copy").first).to_contain_text('"resourceType"')
    assert page.locator(".app-copy").count() >= 2
    assert_usable(page)
    page.get_by_role("link", name="Back to the record").click()
    expect(completeness).to_contain_text("4 of 5 sources have answered")


def test_an_objection_stops_the_clinician_until_an_administrator_ends_it(page: Page, stories: Stories) -> None:
    story = stories.by_slug["opted-out"]
    sign_in(page, CLINICIAN)
    find(page, story["nhs_number"])
    page.get_by_role("button", name="Open record").click()
    expect(page.get_by_role("heading", name="You cannot view this page")).to_be_visible()
    expect(page.locator("main")).to_contain_text("The patient has objected to sharing their record")
    expect(page.get_by_role("heading", name="What you can do")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, ADMINISTRATOR)
    find(page, story["nhs_number"])
    page.get_by_role("link", name="Consent").click()
    expect(page.locator("main")).to_contain_text("Nothing of the record is shared.")
    assert_accessible(page)
    page.get_by_role("link", name="Withdraw decision 1").click()
    page.get_by_role("button", name="Withdraw this decision").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("How and when did the patient tell you?").fill("Said so in clinic on 3 March.")
    page.get_by_role("button", name="Withdraw this decision").click()
    expect(page.locator("main")).to_contain_text("Shared with those who care for the patient")
    assert_accessible(page)
    page.get_by_role("link", name="Sources").click()
    expect(page.get_by_role("row")).to_have_count(7)
    assert_accessible(page)
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, CLINICIAN)
    find(page, story["nhs_number"])
    page.get_by_role("button", name="Open record").click()
    expect(page.locator(".app-completeness")).to_have_text("3 of 3 sources have answered.", timeout=PATIENCE_MS)


def test_a_slip_in_a_number_is_told_beside_the_box(page: Page, stories: Stories) -> None:
    sign_in(page, CLINICIAN)
    page.get_by_label("NHS number").fill("999 000 0019")
    page.get_by_role("button", name="Find", exact=True).click()
    summary = page.locator(".nhsuk-error-summary")
    expect(summary).to_contain_text("the check digit is wrong")
    expect(page.get_by_label("NHS number")).to_have_value("999 000 0019")
    assert_accessible(page)


def test_without_scripts_the_page_still_becomes_whole(page: Page, stories: Stories, web: str) -> None:
    browser = page.context.browser
    assert browser is not None
    plain = browser.new_context(base_url=web, java_script_enabled=False).new_page()
    sign_in(plain, CLINICIAN)
    find(plain, stories.by_slug["allergy-or-none"]["nhs_number"])
    plain.get_by_role("button", name="Open record").click()
    expect(plain.locator(".app-completeness")).to_have_text("2 of 2 sources have answered.", timeout=PATIENCE_MS)
    plain.context.close()


@pytest.mark.parametrize("follow", ["", "Source copies"])
def test_an_objection_recorded_elsewhere_clears_the_screen_within_a_minute(
    page: Page, stories: Stories, follow: str
) -> None:
    story = stories.by_slug["allergy-or-none"]
    page.clock.install()
    sign_in(page, CLINICIAN)
    find(page, story["nhs_number"])
    page.get_by_role("button", name="Open record").click()
    expect(page.locator(".app-completeness")).to_have_text("2 of 2 sources have answered.", timeout=PATIENCE_MS)
    if follow:
        page.get_by_role("link", name=follow).first.click()
        expect(page.locator(".app-copy").first).to_be_visible()
    name = page.locator(".app-banner__name")
    with page.expect_response("**/check?*") as checked:
        page.clock.fast_forward(31_000)
    assert checked.value.status == 204
    expect(name).to_be_visible()

    record_opt_out(
        requester=administrator(), person_id=person_of(story), opted_out=True, note="By telephone.", now=timezone.now()
    )
    page.clock.fast_forward(31_000)
    expect(page.get_by_role("heading", name="You cannot view this page")).to_be_visible(timeout=PATIENCE_MS)
    expect(name).to_have_count(0)
    assert_accessible(page)


def administrator() -> Requester:
    (requester,) = requesters_for(user_id=User.objects.get(username=ADMINISTRATOR).id, now=timezone.now())
    return requester


def person_of(story: dict[str, Any]) -> UUID:
    (person,) = people_with_number(nhs_number=story["nhs_number"])
    return person.person_id


def test_an_administrator_has_a_duty_desk_told_and_sees_whether_it_was(page: Page, stories: Stories) -> None:
    sign_in(page, ADMINISTRATOR)
    page.get_by_role("link", name="Alerts").click()
    expect(page.locator("main")).to_contain_text("There have been no alerts.")
    assert_accessible(page)
    page.get_by_role("link", name="Webhooks").click()
    expect(page.locator("main")).to_contain_text("No webhook is told.")
    page.get_by_role("link", name="Register a webhook").click()
    page.get_by_role("button", name="Register this webhook").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Name").fill("Duty desk")
    page.get_by_label("Address").fill("http://127.0.0.1:9/alerts")
    page.get_by_label("A record was opened in an emergency").check()
    page.get_by_role("button", name="Register this webhook").click()
    expect(page.locator("code")).to_contain_text("whsec_")
    assert_accessible(page)
    page.get_by_role("link", name="Back to the webhooks").click()
    assert_accessible(page)
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.locator("main")).to_contain_text("Duty desk, by webhook: Not told yet")
    assert_accessible(page)


def test_an_administrator_joins_two_halves_of_one_patient_and_parts_them_again(page: Page, stories: Stories) -> None:
    patient = person_of(stories.by_slug["two-doses"])
    summary = person_summary(person_id=patient)
    assert summary is not None
    golden = summary.golden
    assert golden.birth_date is not None
    lines = [
        "local_id,family,given,birth_date,postcode",
        f"again,{golden.family},{golden.given},{golden.birth_date.isoformat()},{golden.postcode}",
    ]
    slug = all_sources()[0].slug
    load_identities(requester=operator(), source_slug=slug, lines=lines, now=timezone.now())
    sign_in(page, ADMINISTRATOR)
    page.get_by_role("link", name="Doubts about identity").click()
    page.get_by_role("link", name="Two people have the same name and date of birth").first.click()
    expect(page.get_by_role("heading", name="If you join them")).to_be_visible()
    assert_usable(page)
    page.get_by_label("Join them: both are one person").check()
    page.get_by_role("button", name="Settle this doubt").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert_usable(page)
    page.get_by_label("Why? Explain how you know.").fill("Rang the records office: it is one patient.")
    page.get_by_role("button", name="Settle this doubt").click()
    expect(page.locator("main")).to_contain_text("Settled")
    assert_usable(page)
    page.get_by_role("button", name="Take this decision back").click()
    expect(page.get_by_role("heading", name="If you join them")).to_be_visible()
