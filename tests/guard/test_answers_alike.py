"""T05: what is somebody else's is answered as what is not there, after the same statements to the database.

No time is measured: on a busy machine one more statement can hardly be told from none, which is no defence. What is
left of a difference is below the moment before which "not found" is never sent (`config/not_found.py`).
"""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.open_record import open_record
from tests.break_glass_acts import broken
from tests.guard.test_routes import every_route
from tests.relationship_acts import member, patient, recorded, team
from tests.statements import asked_in
from tests.world import HOSPITAL_ODS, PASSWORD, World, make_world, signed_in_client

pytestmark = pytest.mark.django_db

# Of the surgery, which the visitors do not act for. A person is not among them: whom an administrator may find is there
# for every administrator.
OF_THE_SURGERY = (
    "retrieval_id",
    "user_id",
    "membership_id",
    "relationship_id",
    "team_id",
    "place_id",
    "patient_id",
    "access_id",
)
# One at the hospital for each kind of route that asks for more than a sign-in.
VISITORS = (Role.CLINICIAN, Role.ADMINISTRATOR, Role.PRIVACY_OFFICER)
# A script's nonce, a session's token, an event's id and other values that differ by themselves.
VARIES = re.compile(
    r'nonce[=-]"?[\w+/]+=*"?|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-zA-Z]{32,}|'
    r"\d{4}-\d\d-\d\dT[\d:.+]+|'[^']*'|s\d+_x\d+|\d+"
)


def of_the_surgery(world: World) -> dict[str, object]:
    """Return the id of something of the surgery's, by the name that it has in routes."""
    team_id = team(world)
    return {
        "retrieval_id": open_record(requester=world.clinician, person_id=world.joan, now=timezone.now()),
        "user_id": world.clinician.user_id,
        "membership_id": world.clinician.membership_id,
        "relationship_id": recorded(world),
        "team_id": team_id,
        "place_id": member(team_id),
        "patient_id": patient(world, team_id),
        "access_id": broken(world, by=world.clinician, person_id=world.nobodys).id,
    }


def visitor(role: Role) -> Client:
    """Return a client of somebody at the hospital, signed in."""
    new = NewUser(
        username=f"far.{role}",
        password=PASSWORD,
        family="Far",
        given="A",
        organisation_ods=HOSPITAL_ODS,
        role=role,
    )
    add_user(requester=operator(), user=new, now=timezone.now())
    return signed_in_client(new.username)


def answer(client: Client, method: str, path: str) -> tuple[int, dict[str, str], str, list[str]]:
    """Return what is answered, and the statements before it, without the values in them."""
    with CaptureQueriesContext(connection) as queries:
        got = getattr(client, method)(path)
    headers = {name: VARIES.sub("?", value) for name, value in got.headers.items()}
    return got.status_code, headers, VARIES.sub("?", got.content.decode()), asked_in(queries)


def routes_about_what_is_somebodys(world: World) -> list[tuple[str, str, str]]:
    """Return the name of each route, its path to something of the surgery's, and its path to nothing."""
    same: dict[str, object] = {
        "person_id": world.joan,
        "resource_id": world.joan,
        "entry_key": "abc",
        "section": "allergies",
        "number": 1,
        "oauth_id": "a-system",
        "policy_id": uuid4(),
        "change_id": uuid4(),
        "review_id": uuid4(),
    }
    theirs = dict(every_route(values=same | of_the_surgery(world)))
    nothing = dict(every_route(values=same | {name: uuid4() for name in OF_THE_SURGERY}))
    return [(name, theirs[name], nothing[name]) for name in sorted(theirs) if theirs[name] != nothing[name]]


@pytest.mark.parametrize("role", VISITORS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_t05_what_is_somebody_else_s_is_answered_as_what_is_not_there(role: Role, method: str) -> None:
    world = make_world()
    client = visitor(role)
    compared = routes_about_what_is_somebodys(world)
    assert len(compared) > 20
    reached = 0
    for name, theirs, nothing in compared:
        answer(client, method, nothing)  # what a process reads once, and keeps, is read here
        known, unknown = answer(client, method, theirs), answer(client, method, nothing)
        assert known == unknown, name
        reached += known[0] == 404
    assert reached, "no route was reached: the roles have changed"
