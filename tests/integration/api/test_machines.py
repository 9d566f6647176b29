"""A system with a token at the FHIR door: whose records it reads, how much of them, and who else is let in."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.test import Client

from aggregator.accounts.requester import operator
from aggregator.audit.models import AuditEvent
from aggregator.federation.engine import engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.federation.models import Retrieval, SourceOutcome
from aggregator.services.add_source import NewSource, add_source
from tests.factories import condition, observation, restricted
from tests.machine import bearer, register
from tests.one_hospital import Hospital, hospital, load, world
from tests.world import HOSPITAL_ODS, NOWHERE, SURGERY_ODS, World, signed_in_client

__all__ = ["hospital", "world"]

pytestmark = pytest.mark.django_db(transaction=True)

PRACTICE = "the-practice"


@pytest.fixture
def client_id(world: World) -> UUID:
    return register()


def visitor(scope: str = "system/*.rs", **claims: Any) -> Client:
    return Client(headers={"host": "testserver", **bearer(scope, **claims)})


def path(person: UUID) -> str:
    return f"/fhir/Patient/{person}/$everything"


def collected(visitor: Client, person: UUID) -> Any:
    """Open a record, let the sources answer, and return what the client collects."""
    opened = visitor.get(path(person))
    assert opened.status_code == 202, opened.content
    location = opened.headers["Content-Location"]
    engine().start(run_retrieval(retrieval_id=UUID(location.rpartition("/")[2]), engine=engine()), within_s=5).result()
    answer = visitor.get(location)
    assert answer.status_code == 200, answer.content
    return answer.json()


def types_of(bundle: Any) -> set[str]:
    return {entry["resource"]["resourceType"] for entry in bundle["entry"]}


def issues_of(bundle: Any) -> list[tuple[str, str]]:
    (outcome,) = [one["resource"] for one in bundle["entry"] if one["search"]["mode"] == "outcome"]
    return [(issue["code"], issue["diagnostics"]) for issue in outcome["issue"]]


def add_practice() -> None:
    add_source(
        requester=operator(),
        source=NewSource(
            slug=PRACTICE,
            name="The Practice",
            kind="gp_connect",
            base_url=NOWHERE,
            organisation_ods="X99104",
            organisation_name="The Practice",
        ),
        check=False,
    )
    load(source=PRACTICE)


def test_a_system_reads_a_record_as_its_organisation_and_a_practice_is_not_asked_for_it(
    world: World, client_id: UUID
) -> None:
    add_practice()
    bundle = collected(visitor(), world.joan)
    assert types_of(bundle) == {"Patient", "AllergyIntolerance", "Provenance", "OperationOutcome"}
    words = "The Practice: Not asked: it answers only to a named person, and a system is asking."
    assert ("incomplete", words) in issues_of(bundle)
    assert SourceOutcome.objects.get(source__slug=PRACTICE).asked_at is None
    retrieval = Retrieval.objects.get()
    assert (retrieval.user_id, retrieval.asker_id, retrieval.purpose) == (None, client_id, "TREAT")
    assert retrieval.asker["user_id"] == str(client_id)
    for action in ("open-record", "view-record"):
        event = AuditEvent.objects.filter(action=action).latest("seq")
        assert (event.client_id, event.user_id, event.organisation_ods) == (client_id, None, SURGERY_ODS)
        assert (event.role, event.purpose, event.person_id) == ("client", "TREAT", world.joan)
    assert event.detail["scopes"] == "system/*.rs"


def test_a_practice_is_asked_for_a_clinician_of_the_same_organisation(world: World) -> None:
    add_practice()
    signed_in_client("dr.osei").post(f"/people/{world.joan}/record")
    assert SourceOutcome.objects.get(source__slug=PRACTICE).outcome is None


def test_it_reads_nobody_s_record_whom_its_organisation_does_not_care_for(world: World, client_id: UUID) -> None:
    register(oauth_id="far-system", organisation_ods=HOSPITAL_ODS)
    ours, theirs = visitor(), visitor(iss="far-system", sub="far-system")
    for who, person in ((ours, world.peter), (ours, world.nobodys), (theirs, world.joan)):
        assert who.get(path(person)).status_code == 403
    assert not Retrieval.objects.exists()
    assert AuditEvent.objects.latest("seq").outcome == "refused"


def test_a_retrieval_is_its_own_client_s_and_nobody_else_s(world: World, client_id: UUID) -> None:
    register(oauth_id="second-system")
    first, second, clinician = visitor(), visitor(iss="second-system", sub="second-system"), signed_in_client("dr.osei")
    of_client = first.get(path(world.joan)).headers["Content-Location"]
    of_user = clinician.get(path(world.joan)).headers["Content-Location"]
    nothing = f"/fhir/retrievals/{UUID(int=5)}"
    assert first.get(of_client).status_code == clinician.get(of_user).status_code == 202
    for who, location in ((second, of_client), (clinician, of_client), (first, of_user)):
        answer = who.get(location)
        assert answer.status_code == 404
        assert answer.content == who.get(nothing).content
    assert clinician.get(f"/records/{of_client.rpartition('/')[2]}").status_code == 404


# What the hospital holds beside Joan's allergy. The encounter names the condition, and the result names both.
BESIDE = [
    {**condition(), "id": "cond-1", "subject": {"reference": "Patient/1"}},
    {
        "resourceType": "Encounter",
        "id": "enc-1",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/1"},
        "reasonReference": [{"reference": "Condition/cond-1"}],
    },
    {
        **observation(),
        "id": "obs-1",
        "subject": {"reference": "Patient/1"},
        "encounter": {"reference": "Encounter/enc-1"},
        "performer": [{"reference": "Practitioner/prac-1"}],
    },
    {"resourceType": "Practitioner", "id": "prac-1", "name": [{"family": "Okafor"}]},
]


def holding_more(hospital: Hospital) -> None:
    """Let the hospital hold all that, given in answer to its one search."""
    hospital.beside = [dict(resource) for resource in BESIDE]


def test_nothing_leaves_that_the_scopes_do_not_name_and_nothing_points_to_it(
    world: World, client_id: UUID, hospital: Hospital
) -> None:
    holding_more(hospital)
    whole = collected(visitor(), world.joan)
    assert {"Condition", "Encounter", "Observation", "Practitioner", "AllergyIntolerance"} <= types_of(whole)
    assert not any("scope" in words or "token" in words for _, words in issues_of(whole))
    part = collected(visitor("system/Patient.r system/Observation.rs system/Condition.s"), world.joan)
    assert types_of(part) == {"Patient", "Observation", "OperationOutcome"}
    text = json.dumps(part)
    for left_out in (
        "Encounter/",
        "Practitioner/",
        "Condition/",
        "enc-1",
        "prac-1",
        "Okafor",
        "Diabetes",
        "penicillin",
    ):
        assert left_out not in text, left_out
    (issue,) = [words for code, words in issues_of(part) if "access token" in words]
    assert issue == (
        "The access token covers only these types: Observation, Patient. Resources of other types, and references to "
        "them, are left out of this answer, whether or not there are any."
    )
    assert not [code for code, _ in issues_of(part) if code == "suppressed"]


def test_what_is_said_of_the_scopes_is_the_same_whatever_is_there_or_withheld(
    world: World, client_id: UUID, hospital: Hospital
) -> None:
    scope = "system/Patient.r system/Observation.rs"
    holding_more(hospital)
    before = issues_of(collected(visitor(scope), world.joan))
    hospital.beside = [{**BESIDE[2], "encounter": None, "performer": None}]
    hospital.beside[0] = {name: value for name, value in hospital.beside[0].items() if value is not None}
    assert issues_of(collected(visitor(scope), world.joan)) == before
    holding_more(hospital)
    hospital.beside[0]["meta"] = {"security": [restricted()]}
    with_withheld = issues_of(collected(visitor(scope), world.joan))
    assert [issue for issue in with_withheld if issue[0] != "suppressed"] == before


def test_a_label_of_what_is_beyond_the_scopes_still_holds_for_what_belongs_to_it(
    world: World, client_id: UUID, hospital: Hospital
) -> None:
    holding_more(hospital)
    hospital.beside[1]["meta"] = {"security": [restricted()]}
    bundle = collected(visitor("system/Patient.r system/Observation.rs"), world.joan)
    assert types_of(bundle) == {"Patient", "OperationOutcome"}
    assert "suppressed" in {code for code, _ in issues_of(bundle)}


@pytest.mark.parametrize("scope", ["system/Observation.rs", "system/Patient.s", "system/*.s"])
def test_a_token_that_may_not_read_the_patient_reads_nothing(world: World, client_id: UUID, scope: str) -> None:
    answer = visitor(scope).get(path(world.joan))
    assert answer.status_code == 403
    assert answer.json()["issue"][0]["code"] == "forbidden"
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert not Retrieval.objects.exists()
    assert AuditEvent.objects.latest("seq").detail["gates"] == ["scope"]


def test_the_scopes_of_the_token_that_collects_count(world: World, client_id: UUID) -> None:
    opened = visitor().get(path(world.joan))
    location = opened.headers["Content-Location"]
    engine().start(run_retrieval(retrieval_id=UUID(location.rpartition("/")[2]), engine=engine()), within_s=5).result()
    assert "AllergyIntolerance" in types_of(visitor().get(location).json())
    assert "AllergyIntolerance" not in types_of(visitor("system/Patient.r").get(location).json())
    assert visitor("system/AllergyIntolerance.r").get(location).status_code == 403


def test_where_a_token_and_a_session_come_together_the_token_decides(world: World, client_id: UUID) -> None:
    register(oauth_id="far-system", organisation_ods=HOSPITAL_ODS)
    clinician = signed_in_client("dr.osei")
    far = bearer(iss="far-system", sub="far-system")
    assert clinician.get(path(world.joan)).status_code == 202
    assert clinician.get(path(world.joan), headers=far).status_code == 403
    assert signed_in_client("dr.far").get(path(world.joan), headers=bearer()).status_code == 202
    for wrong in ("Bearer", "Bearer ", "Bearer nonsense", f"Bearer {'x' * 9000}", "bearer é"):
        answer = clinician.get(path(world.joan), headers={"Authorization": wrong})
        assert answer.status_code == 401, wrong
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    other_scheme = clinician.get(path(world.joan), headers={"Authorization": "Basic eDp5"})
    assert other_scheme.status_code == 202, "of a proxy's, say"


def test_without_either_the_answer_asks_for_a_token() -> None:
    answer = Client(headers={"host": "testserver"}).get("/fhir/Patient/1/$everything")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="longview"'


def test_a_token_opens_no_page(world: World, client_id: UUID) -> None:
    for page in ("/", "/sources", "/systems", f"/people/{world.joan}/consent"):
        answer = visitor().get(page)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/sign-in")


def test_a_system_has_a_limit_of_its_own_however_many_tokens_it_takes(
    world: World, client_id: UUID, settings: Any
) -> None:
    cache.clear()
    settings.CLIENT_OPENINGS_PER_MINUTE = 2
    settings.OPENINGS_PER_MINUTE = 1
    statuses = [visitor().get(path(world.joan)).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    assert signed_in_client("dr.osei").get(path(world.joan)).status_code == 202
    cache.clear()


def test_where_tokens_are_given_out_is_told_to_everybody() -> None:
    visitor = Client(headers={"host": "testserver"})
    told = visitor.get("/fhir/.well-known/smart-configuration")
    assert (told.status_code, told.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    body = told.json()
    assert body["token_endpoint"] == "http://testserver/oauth/token"
    assert body["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert body["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384"]
    assert body["grant_types_supported"] == ["client_credentials"]
    assert set(body["capabilities"]) == {"client-confidential-asymmetric", "permission-v2"}
    security = visitor.get("/fhir/metadata").json()["rest"][0]["security"]
    assert security["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    (uris,) = security["extension"]
    assert uris["extension"] == [{"url": "token", "valueUri": "http://testserver/oauth/token"}]


@pytest.mark.parametrize("name", ["metadata", ".well-known/smart-configuration"])
def test_an_open_route_stays_open_for_a_token_that_is_over(name: str) -> None:
    answer = Client(headers={"host": "testserver", "Authorization": "Bearer nonsense"}).get(f"/fhir/{name}")
    assert answer.status_code == 200
