"""What every role gets at every route, by every method: the table in route_table.csv, allowed and refused.

Everything that a route can be about exists: what is refused is not merely absent. A change of the table is a change of
who may what: read it as such. `WRITE_ROUTE_TABLE=1` writes it anew.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import PERMISSIONS, Role
from aggregator.consent.terms import BasePolicy, PolicyTerms
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.open_record import open_record
from aggregator.services.record_policy import record_policy
from tests.access_acts import proposed
from tests.break_glass_acts import broken
from tests.guard.test_routes import SAMPLE, every_route
from tests.machine import bearer, register
from tests.relationship_acts import member, patient, recorded, team
from tests.signing import CLIENT
from tests.source_acts import surgery, tried
from tests.world import PASSWORD, SURGERY_ODS, World, make_world, signed_in_client

TABLE = Path(__file__).parent / "route_table.csv"
METHODS = ("get", "post")
QUESTIONS = {"api-reach": {"username": "dr.osei"}, "reach": {"username": "dr.osei"}}
SYSTEM = Role.CLIENT.value
ELSEWHERE = "clinician elsewhere"
# Everybody who signs in, a system with a token, and a clinician of an organisation that cares for none of these people.
COLUMNS = (*(role.value for role in Role if PERMISSIONS.get(role) and role is not Role.OPERATOR), ELSEWHERE)
# Well formed, so that what is answered depends on who asks; most mean nothing, so that nothing changes.
DAYS = {"from_date": "2020-01-01", "reason": "Needed."}
BODIES = {
    "api-change-name": {"given": "Ama", "family": "Boateng", "reason": "Married."},
    "api-break-glass": {"reason": "nothing", "note": "Collapsed.", "password": "wrong"},
    "api-break-glass-review": {"verdict": "nothing", "note": "Asked."},
    "api-care-team-members": {"username": "nobody", **DAYS},
    "api-care-team-patients": {"person": str(UUID(int=1)), **DAYS},
    "api-join-user": {"nhs_number": "9990001006", "birth_date": "1951-05-05", "note": "Known here."},
    "api-set-email": {"email": "nobody"},
    "api-settle-review": {"decision": "noted", "note": "Rang the surgery.", "seen": "nothing"},
    "api-webhooks": {"name": "Theirs", "url": "nowhere", "kinds": ["nothing"]},
    "api-care-teams": {"name": "Night nurses"},
    "api-change-relationship": {"kind": "nothing", **DAYS},
    "fhir-patient-everything": {"resourceType": "Parameters"},
    "api-claims": {"reason": "She is on my ward."},
    "api-person-relationships": {"kind": "nothing", **DAYS},
    "api-proposed-accounts": {"username": "a.new", "given": "A", "family": "New", "role": "nothing", "reason": "New."},
    "api-proposed-roles": {"role": "nothing", "reason": "New."},
    "api-reject-change": {"reason": "Not needed."},
    "api-sources": {"slug": "none", "name": "None", "kind": "nothing", "base_url": "nowhere"},
    "api-change-source": {"kind": "nothing"},
    **{
        name: {"reason": "Left."}
        for name in (
            "api-close-account",
            "api-end-care-team",
            "api-end-care-team-member",
            "api-end-care-team-patient",
            "api-end-relationship",
            "api-end-report-token",
            "api-end-role",
            "api-end-user-join",
            "api-end-webhook",
            "api-pause-source",
            "api-resume-source",
        )
    },
}
# After which nobody is signed in.
LAST = "sign-out"


def routes(world: World, client: Client) -> list[tuple[str, str]]:
    """Return the name of every route, and its path to something that exists.

    A record is the visitor's own where they may open one, and Dr Osei's where they may not.
    """
    team_id = team(world)
    policy_id = record_policy(
        requester=world.administrator,
        person_id=world.joan,
        terms=PolicyTerms(base=BasePolicy.PERMIT),
        note="By letter.",
        now=timezone.now(),
    )
    there = {
        "person_id": world.joan,
        "resource_id": world.joan,
        "retrieval_id": own_record(client, world)
        or open_record(requester=world.clinician, person_id=world.joan, now=timezone.now()),
        "user_id": world.clinician.user_id,
        "membership_id": world.clinician.membership_id,
        "change_id": proposed(world, role="nurse"),
        "policy_id": policy_id,
        "oauth_id": CLIENT,
        "relationship_id": recorded(world),
        "team_id": team_id,
        "place_id": member(team_id),
        "patient_id": patient(world, team_id),
        "source_id": surgery(),
        "trial_id": tried(),
        "access_id": broken(world, by=world.clinician, person_id=world.nobodys).id,
    }
    return sorted(each for each in every_route(values=SAMPLE | there) if each[0] != LAST)


def own_record(client: Client, world: World) -> str:
    """Return the id of the visitor's own retrieval of Joan's record; "" where they may not open it."""
    answer = client.post(f"/people/{world.joan}/record")
    return answer.headers.get("Location", "").partition("/records/")[2]


def visitor(column: str) -> Client:
    """Return a client that has signed in, or has a token, as the column says."""
    if column == SYSTEM:
        return Client(headers={"host": "testserver", **bearer()})
    if column == ELSEWHERE:
        return signed_in_client("dr.far")
    new = NewUser(
        username=f"a.{column}",
        password=PASSWORD,
        family="User",
        given="A",
        organisation_ods=SURGERY_ODS,
        role=Role(column),
    )
    add_user(requester=operator(), user=new, now=timezone.now())
    return signed_in_client(new.username)


def status(client: Client, *, method: str, name: str, path: str) -> str:
    """Return what is answered to a request: 200 also where the record is not complete yet, which takes its time."""
    if method == "post" and not name.startswith(("api-", "fhir-")):
        return str(client.post(path).status_code)
    kind = "application/fhir+json" if name.startswith("fhir-") else "application/json"
    if method == "get":
        answered = client.get(path, QUESTIONS.get(name, {})).status_code
        return "200" if answered == 202 else str(answered)
    return str(client.post(path, json.dumps(BODIES.get(name, {})), content_type=kind).status_code)


def read_table() -> dict[tuple[str, str], dict[str, str]]:
    """Return the table: by route and method, what each role gets."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return {(row.pop("route"), row.pop("method")): row for row in csv.DictReader(lines)}


def write_column(column: str, *, answers: dict[tuple[str, str], str]) -> None:
    """Write one column of the table anew."""
    table = read_table() if TABLE.exists() else {}
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["route", "method", *COLUMNS], restval="", lineterminator="\n")
        writer.writeheader()
        for route, method in sorted(answers):
            before = table.get((route, method), {})
            cells = {other: before.get(other, "") for other in COLUMNS}
            writer.writerow({"route": route, "method": method, **cells, column: answers[route, method]})


@pytest.mark.django_db
@pytest.mark.parametrize("column", COLUMNS)
def test_everybody_gets_what_the_table_says_at_every_route(column: str) -> None:
    world = make_world()
    register()
    client = visitor(column)
    there = routes(world, client)
    answers = {
        (name, method): status(client, method=method, name=name, path=path)
        for method in METHODS  # all that is read first: a post may end what another route is about
        for name, path in there
    }
    if os.environ.get("WRITE_ROUTE_TABLE"):
        write_column(column, answers=answers)
    said = {key: row[column] for key, row in read_table().items()}
    assert answers == said


def test_every_role_is_refused_something_and_allowed_something() -> None:
    table = read_table()
    for column in COLUMNS:
        got = {row[column] for row in table.values()}
        assert "403" in got, column
        assert got & {"200", "302"}, column
