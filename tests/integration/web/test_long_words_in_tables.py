"""A word that an administrator or a source enters may be longer than a screen is wide: a table stays in sight."""

from __future__ import annotations

import pytest
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.utils import timezone
from playwright.sync_api import Browser, ViewportSize

from aggregator.accounts.models import Organisation, User
from aggregator.accounts.requester import operator
from aggregator.mpi.models import LinkReview
from aggregator.services.load_identities import load_identities
from aggregator.sources.models import Source
from tests.integration.web.test_long_words import WIDER_THAN_THE_SCREEN, WORD, style
from tests.relationship_acts import recorded
from tests.world import IDENTITIES, SOURCE_SLUG, World, make_world, signed_in_client

pytestmark = [pytest.mark.django_db, pytest.mark.browser]

LONGEST = WORD[:80]


@pytest.fixture
def world() -> World:
    """Return a world in which every name that somebody may enter has a long word."""
    world = make_world()
    lines = IDENTITIES.replace("Ferris,Joan,1951-05-04", f"{LONGEST},Joan,1980-01-01").splitlines()
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=lines, now=timezone.now())
    recorded(world)
    User.objects.update(family=LONGEST)
    Organisation.objects.update(name=Concat(Value(LONGEST), F("ods_code")))
    Source.objects.update(name=LONGEST)
    return world


def pages(world: World) -> dict[str, str]:
    """Return pages of administrators that have a table, by their paths."""
    client = signed_in_client("ms.lane")
    paths = (
        *("/users", "/sources", "/reviews", f"/reviews/{LinkReview.objects.get().id}"),
        *(f"/people/{world.joan}/relationships", f"/people/{world.joan}/access"),
    )
    found = {path: client.get(path).content.decode() for path in paths}
    assert all("<table" in html for html in found.values()), [path for path in found if "<table" not in found[path]]
    return found


@pytest.mark.parametrize("width", [320, 1280], ids=["telephone", "desk"])
def test_a_table_stays_in_sight_whatever_is_entered(world: World, chromium: Browser, width: int) -> None:
    for path, html in pages(world).items():
        page = chromium.new_page(viewport=ViewportSize(width=width, height=740))
        page.set_content(html.replace("</head>", f"{style()}</head>"))
        assert page.evaluate(WIDER_THAN_THE_SCREEN) <= 0, path
        page.close()


def test_our_own_headings_do_not_break_where_there_is_room(world: World, chromium: Browser) -> None:
    page = chromium.new_page(viewport=ViewportSize(width=1280, height=740))
    page.set_content(pages(world)[f"/reviews/{LinkReview.objects.get().id}"].replace("</head>", f"{style()}</head>"))
    heading = page.get_by_role("columnheader", name="Compared")
    assert heading.evaluate("one => one.getClientRects()[0].width") > 80
    page.close()
