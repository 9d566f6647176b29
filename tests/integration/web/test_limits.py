"""How often a user may do what costs much, what is refused unread, and what another site cannot start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test import Client, override_settings
from django.urls import get_resolver

from aggregator.accounts.counters import counters
from aggregator.accounts.session_keys import new_key
from aggregator.api.fhir.operations import OPERATIONS
from aggregator.audit.models import AuditEvent
from aggregator.federation.models import Retrieval
from config.request_limits import RETRIEVALS, SEARCHES
from launcher import processes
from tests.machine import bearer, register
from tests.world import JOAN_NUMBER, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

LIMITS = {"SEARCHES_PER_MINUTE": 3, "OPENINGS_PER_MINUTE": 2, "FHIR_REQUESTS_PER_MINUTE": 4}
FORM = {"nhs_number": JOAN_NUMBER}


@pytest.fixture(autouse=True)
def world(settings: Any) -> Iterator[World]:
    cache.clear()
    for name, most in LIMITS.items():
        setattr(settings, name, most)
    yield make_world()
    cache.clear()


def search(visitor: Client) -> Any:
    return visitor.post("/", FORM)


def open_joan(visitor: Client, world: World, **headers: str) -> Any:
    return visitor.post(f"/people/{world.joan}/record", headers=headers)


def everything(visitor: Client, world: World, **headers: str) -> Any:
    return visitor.get(f"/fhir/Patient/{world.joan}/$everything", headers=headers)


def statuses(ask: Callable[[], Any], *, times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_so_many_searches_in_a_minute_and_then_a_page_that_says_when_again() -> None:
    visitor = signed_in_client("dr.osei")
    assert statuses(lambda: search(visitor), times=4) == [200, 200, 200, 429]
    refused = search(visitor)
    body = refused.content.decode()
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert "Too many requests – Longview" in body
    assert "You have searched very often in a minute. Try again in" in body
    assert refused.headers["Cache-Control"] == "no-store, private"
    # The form is still there, and other people's searches are their own.
    assert visitor.get("/").status_code == 200
    assert search(signed_in_client("ms.lane")).status_code == 200


def test_searches_at_the_fhir_door_count_with_those_of_the_page() -> None:
    visitor = signed_in_client("dr.osei")
    form = {"identifier": f"https://fhir.nhs.uk/Id/nhs-number|{JOAN_NUMBER}"}
    body = urlencode(form)

    def ask() -> Any:
        return visitor.post("/fhir/Patient/_search", body, content_type="application/x-www-form-urlencoded")

    assert search(visitor).status_code == 200
    assert statuses(ask, times=3) == [200, 200, 429]
    assert search(visitor).status_code == 429


def test_a_system_searches_as_often_as_it_may_open_records(settings: Any) -> None:
    settings.CLIENT_OPENINGS_PER_MINUTE = 2
    register()
    system = Client(headers={"host": "testserver", **bearer()})
    assert statuses(lambda: system.post("/fhir/Patient/_search"), times=3) == [400, 400, 429]


def test_a_refused_search_is_no_event_and_reads_the_session_at_most(django_assert_num_queries: Any) -> None:
    visitor = signed_in_client("dr.osei")
    statuses(lambda: search(visitor), times=3)
    before = AuditEvent.objects.count()
    with django_assert_num_queries(0):
        assert search(visitor).status_code == 429
    elsewhere = signed_in_client("dr.osei")
    with django_assert_num_queries(1):  # the session is read
        assert search(elsewhere).status_code == 429
    assert AuditEvent.objects.filter(action="find-person").count() <= before


def test_openings_by_page_by_fhir_and_of_documents_count_together_and_a_refused_one_asks_nobody(world: World) -> None:
    visitor = signed_in_client("dr.osei")
    record = open_joan(visitor, world).headers["Location"]
    assert everything(visitor, world).status_code == 202
    assert Retrieval.objects.count() == 2
    assert open_joan(visitor, world).status_code == 429
    assert everything(visitor, world).status_code == 429
    assert visitor.post(f"{record}/entries/{'a' * 20}/documents/1/fetch").status_code == 429
    assert Retrieval.objects.count() == 2
    assert visitor.get(record).status_code == 200


def test_the_fhir_door_says_it_in_its_own_words(world: World) -> None:
    visitor = signed_in_client("dr.osei")
    answers = [visitor.get("/fhir/Observation") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 404, 429]
    outcome = answers[-1].json()
    assert answers[-1].headers["Content-Type"].startswith("application/fhir+json")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert (outcome["resourceType"], outcome["issue"][0]["code"]) == ("OperationOutcome", "throttled")
    assert "too many requests" in outcome["issue"][0]["diagnostics"]
    assert visitor.head("/fhir/metadata").status_code == 429
    assert visitor.get("/").status_code == 200


def test_all_sessions_of_a_user_count_together(world: World) -> None:
    first, second = signed_in_client("dr.osei"), signed_in_client("dr.osei")
    assert [open_joan(visitor, world).status_code for visitor in (first, second, first, second)] == [302, 302, 429, 429]


def test_who_has_not_signed_in_is_counted_by_address_and_whoever_made_a_session_up_too() -> None:
    visitor = Client(headers={"host": "testserver"})
    assert statuses(lambda: visitor.get("/fhir/metadata"), times=5) == [200] * 4 + [429]
    visitor.cookies[settings.SESSION_COOKIE_NAME] = "a" * 40
    assert visitor.get("/fhir/metadata").status_code == 429
    other = Client(headers={"host": "testserver"}, REMOTE_ADDR="192.0.2.7")
    assert other.get("/fhir/metadata").status_code == 200


def test_a_session_that_has_ended_is_counted_by_its_key_and_costs_no_query_beyond_the_limit(
    django_assert_num_queries: Any,
) -> None:
    ended = new_key()

    def ask() -> Any:
        cookie = {"cookie": f"{settings.SESSION_COOKIE_NAME}={ended}"}  # whatever the answer says of it
        return Client(headers={"host": "testserver"}).get("/fhir/metadata", headers=cookie)

    assert statuses(ask, times=4) == [200] * 4
    with django_assert_num_queries(0):
        assert statuses(ask, times=3) == [429] * 3
    assert Client(headers={"host": "testserver"}).get("/fhir/metadata").status_code == 200


def test_a_minute_later_there_is_room_again() -> None:
    visitor = signed_in_client("dr.osei")
    assert statuses(lambda: search(visitor), times=4)[-1] == 429
    cache.clear()  # as a minute does
    assert search(visitor).status_code == 200


def test_the_windows_last_a_minute() -> None:
    search(signed_in_client("dr.osei"))
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as kept:
        names = kept.keys("cache:searches:*")
        assert len(names) == 2  # the session's and the user's
        assert all(50 < kept.ttl(name) <= 60 for name in names)


@pytest.mark.django_db(transaction=True)
def test_a_burst_of_openings_starts_no_more_retrievals_than_the_limit(world: World) -> None:
    visitors = [signed_in_client("dr.osei") for _ in range(4)]

    def opened(number: int) -> int:
        try:
            return int(open_joan(visitors[number % 4], world).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(opened, range(12)))
    assert sorted(answers) == [302, 302] + [429] * 10
    assert Retrieval.objects.count() == 2


def test_while_redis_is_away_this_process_counts_at_a_quarter(settings: Any) -> None:
    settings.SEARCHES_PER_MINUTE = 8
    visitor = signed_in_client("dr.osei")
    with processes.reserved_port() as reserved:
        place = f"redis://127.0.0.1:{reserved.getsockname()[1]}/0"
        counters.cache_clear()
        with override_settings(CACHES={"default": {**settings.CACHES["default"], "LOCATION": place}}):
            assert statuses(lambda: search(visitor), times=3) == [200, 200, 429]
    counters.cache_clear()


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none, cross-site", "CROSS-SITE", ""])
def test_what_another_site_leads_to_starts_no_retrieval(world: World, site: str) -> None:
    visitor = signed_in_client("dr.osei")
    page, outcome = (
        open_joan(visitor, world, **{"Sec-Fetch-Site": site}),
        everything(visitor, world, **{"Sec-Fetch-Site": site}),
    )
    assert (page.status_code, outcome.status_code) == (403, 403)
    assert "Another site led here" in page.content.decode()
    assert outcome.json()["issue"][0]["code"] == "forbidden"
    assert "Another site led here" in outcome.json()["issue"][0]["diagnostics"]
    assert not Retrieval.objects.exists()
    # It costs the user nothing either, and other pages may be led to.
    assert open_joan(visitor, world).status_code == 302
    assert visitor.get("/", headers={"Sec-Fetch-Site": site}).status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}])
def test_our_own_pages_a_typed_address_and_programs_start_one(world: World, headers: dict[str, str]) -> None:
    visitor = signed_in_client("dr.osei")
    assert open_joan(visitor, world, **headers).status_code == 302
    assert everything(visitor, world, **headers).status_code == 202


@pytest.mark.parametrize(
    "after", ["/fhir/Patient/{joan}/$everything", "/fhir/metadata", "/sign-in", "/nowhere", "/livez"]
)
def test_a_link_to_the_sign_in_leads_to_pages_only(world: World, after: str) -> None:
    form = {"username": "dr.osei", "password": "a long enough phrase 7", "next": after.format(joan=world.joan)}
    assert Client(headers={"host": "testserver"}).post("/sign-in", form).headers["Location"] == "/"


PARAMETERS = "&".join(f"p{number}=x" for number in range(201))


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/livez", "/records/x"])
def test_more_than_two_hundred_parameters_are_refused_by_a_page(path: str) -> None:
    for visitor in (Client(headers={"host": "testserver"}), signed_in_client("dr.osei")):
        answer = visitor.get(f"{path}?{PARAMETERS}")
        assert answer.status_code == 400
        assert "– Longview" in answer.content.decode()
        assert visitor.head(f"{path}?{PARAMETERS}").status_code == 400


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/Patient/{joan}/$everything", "/fhir/Observation"])
@pytest.mark.parametrize("parameters", [PARAMETERS, "&" * 200, "a=1&" * 5000])
def test_and_by_an_outcome_at_the_fhir_door(world: World, path: str, parameters: str) -> None:
    answer = signed_in_client("dr.osei").get(f"{path.format(joan=world.joan)}?{parameters}")
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["code"] == "invalid"
    assert not Retrieval.objects.exists()


def test_two_hundred_parameters_are_no_reason_to_refuse(world: World) -> None:
    assert signed_in_client("dr.osei").get(f"/?{PARAMETERS.rpartition('&')[0]}").status_code == 200


@pytest.mark.parametrize("path", ["/", "/sign-in", "/fhir/metadata"])
def test_many_fields_in_a_form_are_refused_everywhere(path: str) -> None:
    visitor = signed_in_client("dr.osei")
    answer = visitor.post(path, PARAMETERS, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == (405 if path.startswith("/fhir/") else 400)


def test_every_route_that_is_limited_exists() -> None:
    names = set(get_resolver().reverse_dict)
    assert {name for _, name in RETRIEVALS | SEARCHES} <= names
    assert {operation.route_name for operation in OPERATIONS if operation.waits} <= {name for _, name in RETRIEVALS}
