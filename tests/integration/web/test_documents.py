"""A document leaves by a door of its own: sandboxed, as what it is, audited, and for nobody else."""

from __future__ import annotations

import pytest
import redis
from django.http import HttpResponse
from playwright.sync_api import Browser

from aggregator.audit.models import AuditEvent
from aggregator.services.view_record import RecordView
from tests.factories import restricted
from tests.integration.services.test_showing import answered, held_redis
from tests.integration.web.test_long_words import style
from tests.unit.record.test_files import PDF, binary, encoded, letter
from tests.world import World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

__all__ = ["held_redis"]  # a fixture

RTF = b"{\\rtf1 x}"


@pytest.fixture
def world() -> World:
    return make_world()


def address(view: RecordView, number: int = 1) -> str:
    (key,) = [key for key, entry in view.record.entries.items() if entry.heading == "Letter"]
    return f"/records/{view.retrieval_id}/entries/{key}/documents/{number}"


def get(path: str, *, user: str = "dr.osei") -> HttpResponse:
    response: HttpResponse = signed_in_client(user).get(path)
    return response


def test_a_document_is_served_sandboxed_and_as_what_it_is(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, letter({"contentType": "application/pdf", "data": encoded(PDF)}))
    page, content = get(address(view)), get(f"{address(view)}/content")
    assert b"<iframe" in page.content
    assert page.headers["X-Frame-Options"] == "DENY"
    assert content.content == PDF
    headers = content.headers
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"] == 'inline; filename="document.pdf"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in headers["Cache-Control"]
    policy = [directive.strip() for directive in headers["Content-Security-Policy"].split(";")]
    assert {"sandbox", "default-src 'none'", "frame-ancestors 'self'"} <= set(policy)
    saved = get(f"{address(view)}/content?save=1")
    assert saved.headers["Content-Disposition"] == 'attachment; filename="document.pdf"'


def test_markup_is_served_as_text(world: World, held_redis: redis.Redis) -> None:
    markup = b"<script>alert(document.cookie)</script>"
    view = answered(world, held_redis, letter({"contentType": "text/html", "data": encoded(markup)}))
    content = get(f"{address(view)}/content")
    assert content.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert content.content == markup


def test_a_file_that_is_not_shown_is_saved(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, letter({"data": encoded(RTF)}))
    assert get(f"{address(view)}/content").headers["Content-Disposition"] == 'attachment; filename="document.rtf"'


def test_a_document_that_is_not_what_is_said_is_not_served(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, letter({"data": encoded(PDF), "size": 1}))
    assert b"is not as long as its source says" in get(address(view)).content
    assert get(f"{address(view)}/content").status_code == 404


def test_every_opening_is_an_event_about_a_document_that_names_nothing_in_it(
    world: World, held_redis: redis.Redis
) -> None:
    view = answered(world, held_redis, letter({"title": "Secret clinic", "data": encoded(PDF)}))
    get(f"{address(view)}/content")
    (event,) = AuditEvent.objects.filter(detail__part="document")
    assert event.entry == address(view).split("/")[4]
    assert "Secret" not in str(event.detail)


def test_a_document_is_for_whoever_asked_for_the_record_and_for_nobody_else(
    world: World, held_redis: redis.Redis
) -> None:
    view = answered(world, held_redis, letter({"data": encoded(PDF)}))
    for path in (address(view), f"{address(view)}/content"):
        assert get(path, user="dr.far").status_code == 404
        assert get(path, user="ms.lane").status_code == 404
        assert get(path.replace("/documents/1", "/documents/2")).status_code == 404


def test_a_letter_is_withheld_with_its_file(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, letter({"url": "Binary/b"}), binary(meta=restricted()))
    assert view.withheld
    assert not [entry for entry in view.record.entries.values() if entry.heading == "Letter"]
    assert b"Open " not in get(f"/records/{view.retrieval_id}").content


def test_words_in_the_address_of_a_document_do_not_reach_the_audit(world: World, held_redis: redis.Redis) -> None:
    view = answered(world, held_redis, letter({"data": encoded(PDF)}))
    path = f"/records/{view.retrieval_id}/entries/joan-has-diabetes/documents/1"
    assert get(path).status_code == get(f"{path}/content").status_code == 404
    assert not AuditEvent.objects.filter(detail__part="document").exists()


@pytest.mark.browser
@pytest.mark.parametrize("file", [{"contentType": "application/pdf", "data": encoded(PDF)}, {"data": encoded(RTF)}])
def test_a_printed_page_says_that_the_document_is_not_on_it(
    world: World, held_redis: redis.Redis, chromium: Browser, file: dict[str, str]
) -> None:
    html = get(address(answered(world, held_redis, letter(file)))).content.decode()
    page = chromium.new_page()
    page.set_content(html.replace("</head>", f"{style()}</head>"))
    said = page.get_by_text("The document itself is not printed here.")
    assert not said.is_visible()
    page.emulate_media(media="print")
    assert said.is_visible()
    assert not page.locator("iframe").or_(page.get_by_text("Save the document", exact=True)).first.is_visible()
    page.close()
