"""A call of each service about emergency access that goes well, and one that is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Role
from aggregator.break_glass.terms import EmergencyAccess
from aggregator.services.break_glass.end_break_glass import end_break_glass
from aggregator.services.break_glass.list_break_glass import list_break_glass
from aggregator.services.break_glass.open_break_glass import open_break_glass
from aggregator.services.break_glass.prepare_break_glass import prepare_break_glass
from aggregator.services.break_glass.read_break_glass import read_break_glass
from aggregator.services.break_glass.review_break_glass import review_break_glass
from tests.world import PASSWORD, World


def request_with_session() -> HttpRequest:
    """Return a request as the forms bring it."""
    request = RequestFactory().post("/emergency")
    request.session = SessionStore()
    request.user = AnonymousUser()
    return request


def broken(
    world: World,
    *,
    by: Requester | None = None,
    person_id: UUID | None = None,
    reason: str = "unconscious",
    note: str = "Brought in by ambulance.",
    password: str = PASSWORD,
    now: datetime | None = None,
) -> EmergencyAccess:
    """Have the outsider, or somebody else, open Joan's record in an emergency."""
    return open_break_glass(
        request=request_with_session(),
        requester=by or world.outsider,
        person_id=person_id or world.joan,
        reason=reason,
        note=note,
        password=password,
        now=now or timezone.now(),
    )


def ended(world: World) -> None:
    """Break the glass, and end it."""
    end_break_glass(requester=world.outsider, access_id=broken(world).id, now=timezone.now())


def officer(world: World) -> Requester:
    """Return a privacy officer of the hospital that the outsider works for."""
    return replace(world.outsider, user_id=world.administrator.user_id, role=Role.PRIVACY_OFFICER)


def reviewed(
    world: World, access_id: UUID, *, by: Requester | None = None, verdict: str = "appropriate", note: str = "Asked."
) -> None:
    """Have the officer, or somebody else, give a verdict."""
    review_break_glass(
        requester=by or officer(world), access_id=access_id, verdict=verdict, note=note, now=timezone.now()
    )


def review_of_surgery(world: World) -> None:
    """Have an operator review a case of the surgery that still waits."""
    reviewed(world, broken(world, by=world.clinician).id, by=operator(), verdict="needs-conversation")


CALLS: dict[str, Callable[[World], object]] = {
    "end_break_glass": ended,
    # Not by the outsider, who is to stay one.
    "open_break_glass": lambda world: broken(world, by=world.clinician),
    "list_break_glass": lambda world: list_break_glass(requester=officer(world), is_closed=True, now=timezone.now()),
    "prepare_break_glass": lambda world: prepare_break_glass(
        requester=world.outsider, person_id=world.joan, now=timezone.now()
    ),
    "read_break_glass": lambda world: read_break_glass(
        requester=operator(), access_id=broken(world, by=world.clinician).id, now=timezone.now()
    ),
    "review_break_glass": review_of_surgery,
}

REFUSED: dict[str, Callable[[World], object]] = {
    "end_break_glass": lambda world: end_break_glass(requester=world.outsider, access_id=uuid4(), now=timezone.now()),
    "open_break_glass": lambda world: broken(world, by=world.administrator),
    "list_break_glass": lambda world: list_break_glass(
        requester=world.administrator, is_closed=False, now=timezone.now()
    ),
    "prepare_break_glass": lambda world: prepare_break_glass(
        requester=world.administrator, person_id=world.joan, now=timezone.now()
    ),
    "read_break_glass": lambda world: read_break_glass(requester=officer(world), access_id=uuid4(), now=timezone.now()),
    "review_break_glass": lambda world: reviewed(world, uuid4()),
}

# Which of these name a person, when they go well and when they are refused.
ABOUT_A_PERSON = {
    *("end_break_glass", "open_break_glass", "prepare_break_glass", "read_break_glass", "review_break_glass"),
}
REFUSED_ABOUT_A_PERSON = {"open_break_glass", "prepare_break_glass"}
