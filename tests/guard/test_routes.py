"""Every route needs a sign-in, save the few named here; and what each role gets at each route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.machine import bearer, register
from tests.world import World, make_world, signed_in_client

OPEN_ROUTES = {"sign-in", "livez", "readyz", "fhir-metadata", "fhir-smart-configuration"}
# Where nobody is signed in yet, and none is asked for a form's token: each request proves by itself who makes it.
PROVING_ROUTES = {"token", "api-report-health"}
# Which look at no session, so none can be misused.
OPEN_API_ROUTES = {"fhir-metadata", "fhir-smart-configuration"}
# Fixed, since they are part of the tests' names: helpers that run tests side by side must find the same ones.
SAMPLE = {
    "person_id": UUID(int=1),
    "resource_id": UUID(int=1),
    "retrieval_id": UUID(int=2),
    "entry_key": "abc",
    "section": "allergies",
    "review_id": UUID(int=3),
    "user_id": UUID(int=4),
    "membership_id": UUID(int=5),
    "change_id": UUID(int=6),
    "policy_id": UUID(int=8),
    "number": 1,
    "oauth_id": "a-system",
    "relationship_id": UUID(int=4),
    "team_id": UUID(int=5),
    "access_id": UUID(int=9),
    "place_id": UUID(int=6),
    "patient_id": UUID(int=7),
    "webhook_id": UUID(int=10),
    "source_id": UUID(int=11),
    "trial_id": UUID(int=12),
}


def every_route(*, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the name of every route, and its path for some values."""
    yield from _below(get_resolver(), prefix="/", values=values)


def _below(resolver: URLResolver, *, prefix: str, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _below(pattern, prefix=prefix + str(pattern.pattern), values=values)
            continue
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        for name, value in values.items():
            for converter in ("uuid", "str", "slug", "int"):
                route = route.replace(f"<{converter}:{name}>", str(value))
        yield pattern.name or "", prefix + route.replace(".*", "anything")


ROUTES = sorted(every_route(values=SAMPLE))


def test_every_route_has_a_name_and_a_sample_path() -> None:
    assert ROUTES
    for name, path in ROUTES:
        assert name, path
        assert "<" not in path, path


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "path"), [route for route in ROUTES if route[0] not in OPEN_ROUTES])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_without_a_sign_in_nothing_is_given(name: str, path: str, method: str) -> None:
    answer = getattr(Client(headers={"host": "testserver"}), method)(path)
    sent_to_sign_in = answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in")
    assert sent_to_sign_in or answer.status_code in {401, 403, 405}, answer.status_code


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "path"), [route for route in ROUTES if route[0] in OPEN_ROUTES])
def test_an_open_route_answers(name: str, path: str) -> None:
    assert Client(headers={"host": "testserver"}).get(path).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "path"), ROUTES)
def test_no_answer_may_be_kept_by_a_cache(name: str, path: str) -> None:
    answer = Client(headers={"host": "testserver"}).get(path)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# user -> (method, path) -> status; {joan} is in the clinician's care, {peter} objects, {nobodys} is in nobody's care.
ROLE_TABLE = [
    ("dr.osei", "get", "/", 200),
    ("dr.osei", "post", "/people/{joan}/record", 302),
    ("dr.osei", "post", "/people/{peter}/record", 403),
    ("dr.osei", "post", "/people/{nobodys}/record", 403),
    ("dr.osei", "post", "/people/{unknown}/record", 404),
    ("dr.osei", "get", "/people/{joan}/record", 405),
    ("dr.osei", "get", "/records/{unknown}", 404),
    ("dr.osei", "get", "/records/{unknown}/sections/allergies", 404),
    ("dr.osei", "get", "/records/{unknown}/sections/anything", 404),
    ("ms.lane", "get", "/records/{unknown}/sections/allergies", 404),
    ("dr.osei", "get", "/records/{unknown}/entries/aaaaaaaaaaaaaaaaaaaa/documents/1", 404),
    ("dr.osei", "get", "/records/{unknown}/entries/aaaaaaaaaaaaaaaaaaaa/documents/1/content", 404),
    ("ms.lane", "get", "/records/{unknown}/entries/aaaaaaaaaaaaaaaaaaaa/documents/1/content", 404),
    ("dr.osei", "get", "/people/{joan}/consent", 403),
    ("dr.osei", "get", "/people/{joan}/consent/decide", 403),
    ("dr.osei", "post", "/people/{joan}/consent/decide", 403),
    ("dr.osei", "get", "/people/{joan}/consent/{unknown}/change", 403),
    ("dr.osei", "post", "/people/{joan}/consent/{unknown}/withdraw", 403),
    ("dr.osei", "get", "/people/{joan}/consent/preview", 403),
    ("dr.osei", "post", "/people/{joan}/consent/preview", 403),
    ("dr.osei", "get", "/fhir/Consent?patient={joan}", 403),
    ("dr.osei", "get", "/fhir/Consent/{unknown}", 403),
    ("dr.osei", "post", "/fhir/Consent", 415),
    ("dr.osei", "put", "/fhir/Consent/{unknown}", 415),
    ("dr.osei", "delete", "/fhir/Consent/{unknown}", 405),
    ("dr.osei", "get", "/sources", 403),
    ("dr.osei", "get", "/reviews", 403),
    ("dr.osei", "get", "/role", 200),
    ("dr.osei", "post", "/role", 400),
    ("dr.osei", "get", "/users", 403),
    ("dr.osei", "get", "/users/{unknown}", 403),
    ("dr.osei", "get", "/users/add", 403),
    ("dr.osei", "post", "/users/add", 403),
    ("dr.osei", "get", "/users/{unknown}/add-role", 403),
    ("dr.osei", "get", "/users/{unknown}/close", 403),
    ("dr.osei", "get", "/users/{unknown}/roles/{unknown}/end", 403),
    ("dr.osei", "get", "/changes", 403),
    ("dr.osei", "post", "/changes/{unknown}/confirm", 404),
    ("dr.osei", "post", "/changes/{unknown}/reject", 404),
    ("dr.osei", "get", "/reviews/{unknown}", 403),
    ("dr.osei", "post", "/reviews/{unknown}/take-back", 403),
    ("dr.osei", "get", "/fhir/Patient/{joan}/$everything", 202),
    ("dr.osei", "get", "/fhir/Patient/{peter}/$everything", 403),
    ("dr.osei", "get", "/fhir/Patient/{unknown}/$everything", 404),
    ("dr.osei", "get", "/fhir/Patient/not-an-id/$everything", 404),
    ("dr.osei", "get", "/fhir/Patient/{joan}/$everything?_type=Condition", 400),
    ("dr.osei", "post", "/fhir/Patient/{joan}/$everything", 415),  # with a body that is no resource
    ("dr.osei", "get", "/fhir/Observation", 404),
    ("dr.far", "post", "/people/{joan}/record", 403),
    ("dr.far", "get", "/fhir/Patient/{joan}/$everything", 403),
    ("ms.lane", "post", "/people/{joan}/record", 403),
    ("ms.lane", "get", "/fhir/Patient/{joan}/$everything", 403),
    ("ms.lane", "get", "/people/{joan}/consent", 200),
    ("ms.lane", "get", "/people/{unknown}/consent", 404),
    ("ms.lane", "post", "/people/{joan}/consent", 405),
    ("ms.lane", "get", "/people/{joan}/consent/decide", 200),
    ("ms.lane", "post", "/people/{joan}/consent/decide", 400),
    ("ms.lane", "get", "/people/{unknown}/consent/decide", 404),
    ("ms.lane", "get", "/people/{joan}/consent/{unknown}/change", 404),
    ("ms.lane", "post", "/people/{joan}/consent/{unknown}/change", 404),
    ("ms.lane", "get", "/people/{joan}/consent/{unknown}/withdraw", 404),
    ("ms.lane", "post", "/people/{joan}/consent/{unknown}/withdraw", 404),
    ("ms.lane", "get", "/people/{joan}/consent/preview", 200),
    ("ms.lane", "post", "/people/{joan}/consent/preview", 400),
    ("ms.lane", "get", "/fhir/Consent?patient={joan}", 200),
    ("ms.lane", "get", "/fhir/Consent", 400),
    ("ms.lane", "post", "/fhir/Consent/_search", 400),
    ("ms.lane", "get", "/fhir/Consent/{unknown}", 404),
    ("ms.lane", "get", "/sources", 200),
    ("ms.lane", "get", "/users", 200),
    ("ms.lane", "get", "/users/add", 200),
    ("ms.lane", "get", "/users/{unknown}", 404),
    ("ms.lane", "get", "/users/{unknown}/add-role", 404),
    ("ms.lane", "get", "/users/{unknown}/close", 404),
    ("ms.lane", "get", "/users/{unknown}/roles/{unknown}/end", 404),
    ("dr.osei", "get", "/users/{unknown}/person", 403),
    ("dr.osei", "post", "/users/{unknown}/person", 403),
    ("dr.osei", "post", "/users/{unknown}/person/end", 403),
    ("ms.lane", "get", "/users/{unknown}/person", 404),
    ("ms.lane", "get", "/users/{unknown}/person/end", 404),
    ("dr.osei", "post", "/api/users/{unknown}/person", 415),
    ("ms.lane", "get", "/api/users/{unknown}/person", 405),
    ("ms.lane", "get", "/changes", 200),
    ("ms.lane", "get", "/audit", 403),
    ("ms.lane", "get", "/people/{joan}/access-report", 200),
    ("ms.lane", "get", "/people/{unknown}/access-report", 404),
    ("dr.osei", "get", "/audit", 403),
    ("dr.osei", "get", "/fhir/AuditEvent", 403),
    ("ms.lane", "get", "/fhir/AuditEvent", 403),
    ("ms.lane", "post", "/fhir/AuditEvent/_search", 400),
    ("ms.lane", "get", "/fhir/AuditEvent/7", 404),
    ("dr.osei", "post", "/audit", 403),
    ("dr.osei", "get", "/people/{joan}/access-report", 403),
    ("ms.lane", "get", "/changes/{unknown}/confirm", 405),
    ("ms.lane", "post", "/changes/{unknown}/confirm", 404),
    ("ms.lane", "post", "/changes/{unknown}/reject", 404),
    ("ms.lane", "get", "/reviews", 200),
    ("ms.lane", "get", "/reviews/{unknown}", 404),
    ("ms.lane", "post", "/reviews/{unknown}/take-back", 404),
    ("ms.lane", "get", "/reviews/{unknown}/take-back", 405),
    ("ms.lane", "get", "/people/{joan}/relationships", 200),
    ("ms.lane", "get", "/people/{unknown}/relationships", 404),
    ("ms.lane", "get", "/people/{joan}/relationships/add", 200),
    ("ms.lane", "get", "/people/{joan}/relationships/add-to-team", 200),
    ("ms.lane", "get", "/people/{joan}/relationships/{unknown}/change", 404),
    ("ms.lane", "post", "/people/{joan}/relationships/{unknown}/end", 404),
    ("ms.lane", "get", "/people/{joan}/access", 200),
    ("ms.lane", "get", "/people/{unknown}/access", 404),
    ("ms.lane", "get", "/people/{joan}/claim", 403),
    ("ms.lane", "post", "/people/{joan}/claim", 403),
    ("ms.lane", "get", "/reach", 200),
    ("ms.lane", "get", "/care-teams", 200),
    ("ms.lane", "get", "/care-teams/{unknown}", 404),
    ("ms.lane", "get", "/care-teams/{unknown}/members/add", 404),
    ("ms.lane", "post", "/care-teams/{unknown}/end", 404),
    ("dr.osei", "get", "/people/{joan}/relationships", 403),
    ("dr.osei", "post", "/people/{joan}/relationships/add", 403),
    ("dr.osei", "post", "/people/{joan}/relationships/add-to-team", 403),
    ("dr.osei", "post", "/people/{joan}/relationships/{unknown}/change", 403),
    ("dr.osei", "post", "/people/{joan}/relationships/{unknown}/end", 403),
    ("dr.osei", "get", "/people/{joan}/access", 403),
    ("dr.osei", "get", "/people/{joan}/claim", 200),
    ("dr.osei", "get", "/people/{joan}/emergency", 200),
    ("dr.osei", "post", "/people/{joan}/emergency", 400),
    ("dr.osei", "get", "/people/{peter}/emergency", 403),
    ("dr.osei", "get", "/people/{unknown}/emergency", 404),
    ("dr.osei", "post", "/emergencies/{unknown}/end", 404),
    ("dr.far", "get", "/people/{peter}/emergency", 200),
    ("ms.lane", "get", "/people/{joan}/emergency", 403),
    ("ms.lane", "get", "/emergencies", 403),
    ("ms.lane", "get", "/emergencies/{unknown}", 403),
    ("ms.lane", "post", "/emergencies/{unknown}", 403),
    ("dr.osei", "get", "/emergencies", 403),
    ("dr.osei", "get", "/emergencies/{unknown}", 403),
    ("dr.osei", "get", "/api/people/{joan}/emergency", 200),
    ("dr.osei", "get", "/api/people/{peter}/emergency", 403),
    ("dr.osei", "get", "/api/people/{unknown}/emergency", 404),
    ("dr.far", "get", "/api/people/{peter}/emergency", 200),
    ("ms.lane", "get", "/api/people/{joan}/emergency", 403),
    ("dr.osei", "post", "/api/people/{joan}/emergency", 415),
    ("dr.osei", "post", "/api/emergencies/{unknown}/end", 404),
    ("dr.osei", "get", "/api/emergencies", 403),
    ("dr.osei", "get", "/api/emergencies/{unknown}", 403),
    ("ms.lane", "get", "/api/emergencies", 403),
    ("ms.lane", "post", "/people/{joan}/emergency", 403),
    ("dr.osei", "get", "/people/{unknown}/claim", 404),
    ("dr.osei", "get", "/reach?username=dr.osei", 403),
    ("dr.osei", "get", "/care-teams", 403),
    ("dr.osei", "post", "/care-teams", 403),
    ("dr.osei", "get", "/care-teams/{unknown}", 403),
    ("dr.osei", "post", "/care-teams/{unknown}/members/add", 403),
    ("dr.osei", "post", "/care-teams/{unknown}/members/{unknown}/end", 403),
    ("dr.osei", "post", "/care-teams/{unknown}/patients/{unknown}/end", 403),
    ("dr.osei", "post", "/care-teams/{unknown}/end", 403),
    ("dr.osei", "get", "/api/schema/", 200),
    ("dr.osei", "get", "/api/nothing", 404),
    ("dr.osei", "get", "/api/people/{joan}/relationships", 403),
    ("dr.osei", "post", "/api/people/{joan}/relationships", 415),
    ("dr.osei", "get", "/api/people/{joan}/access", 403),
    ("dr.osei", "get", "/api/reach?username=dr.osei", 403),
    ("dr.osei", "get", "/api/care-teams", 403),
    ("dr.osei", "get", "/api/care-teams/{unknown}", 403),
    ("ms.lane", "get", "/api/people/{joan}/relationships", 200),
    ("ms.lane", "get", "/api/people/{unknown}/relationships", 404),
    ("ms.lane", "get", "/api/people/{joan}/access", 200),
    ("ms.lane", "get", "/api/people/{unknown}/access", 404),
    ("ms.lane", "get", "/api/reach?username=dr.osei", 200),
    ("ms.lane", "get", "/api/reach?username=dr.far", 404),
    ("ms.lane", "get", "/api/care-teams", 200),
    ("ms.lane", "get", "/api/care-teams/{unknown}", 404),
    ("ms.lane", "get", "/alerts", 200),
    ("ms.lane", "get", "/alerts/webhooks", 200),
    ("ms.lane", "get", "/alerts/webhooks/register", 200),
    ("ms.lane", "post", "/alerts/webhooks/register", 400),
    ("ms.lane", "get", "/alerts/webhooks/{unknown}/end", 404),
    ("ms.lane", "post", "/alerts/webhooks/{unknown}/test", 404),
    ("ms.lane", "get", "/users/{unknown}/email", 404),
    ("ms.lane", "get", "/api/alerts", 200),
    ("ms.lane", "get", "/api/alerts/webhooks", 200),
    ("ms.lane", "post", "/api/alerts/webhooks/{unknown}/test", 404),
    ("dr.osei", "get", "/alerts", 403),
    ("dr.osei", "get", "/alerts/webhooks", 403),
    ("dr.osei", "get", "/alerts/webhooks/register", 403),
    ("dr.osei", "post", "/alerts/webhooks/register", 403),
    ("dr.osei", "get", "/alerts/webhooks/{unknown}/end", 403),
    ("dr.osei", "post", "/alerts/webhooks/{unknown}/test", 403),
    ("dr.osei", "get", "/users/{unknown}/email", 403),
    ("dr.osei", "get", "/api/alerts", 403),
    ("dr.osei", "get", "/api/alerts/webhooks", 403),
    ("dr.osei", "post", "/api/alerts/webhooks/{unknown}/test", 403),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("username", "method", "path", "status"), ROLE_TABLE)
def test_each_role_gets_what_the_table_says(username: str, method: str, path: str, status: int) -> None:
    world: World = make_world()
    client = signed_in_client(username)
    filled = path.format(joan=world.joan, peter=world.peter, nobodys=world.nobodys, unknown=uuid4())
    assert getattr(client, method)(filled).status_code == status


@pytest.mark.django_db
def test_somebody_elses_retrieval_is_answered_as_one_that_does_not_exist() -> None:
    world = make_world()
    clinician, outsider = signed_in_client("dr.osei"), signed_in_client("dr.far")
    location = clinician.post(f"/people/{world.joan}/record").headers["Location"]
    theirs, nothing = outsider.get(location), outsider.get(f"/records/{uuid4()}")
    assert theirs.status_code == nothing.status_code == 404
    assert clinician.get(location).status_code == 200


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused() -> None:
    make_world()
    client = Client(enforce_csrf_checks=True, headers={"host": "testserver"})
    assert client.post("/sign-in", {"username": "dr.osei", "password": "x"}).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_session_changes_nothing_without_the_form_s_token(method: str) -> None:
    """T09."""
    make_world()
    client = signed_in_client("dr.osei")
    client.handler.enforce_csrf_checks = True
    for name, path in ROUTES:
        answer = getattr(client, method)(path)
        if name in PROVING_ROUTES | OPEN_API_ROUTES:
            assert answer.status_code in {401, 405}, name
        else:
            assert answer.status_code == 403, name


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_system_s_token_needs_none(method: str) -> None:
    """T09: no browser sends one by itself, so what is answered does not depend on the form's token."""
    make_world()
    register()
    strict, lax = (
        Client(headers={"host": "testserver", **bearer()}, enforce_csrf_checks=is_enforced)
        for is_enforced in (True, False)
    )
    for name, path in ROUTES:
        if name.startswith("fhir-"):
            assert getattr(strict, method)(path).status_code == getattr(lax, method)(path).status_code, name
