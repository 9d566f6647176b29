"""A call of each service about emergency access that goes well, and one that is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
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
from aggregator.services.users.end_user_join import end_user_join
from aggregator.services.users.join_user import join_user
from tests.world import JOAN_BORN, JOAN_NUMBER, NOBODYS_BORN, NOBODYS_NUMBER, PASSWORD, World


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


def joined(
    world: World,
    *,
    user: Requester | None = None,
    number: str = JOAN_NUMBER,
    born: date | None = JOAN_BORN,
    by: Requester | None = None,
    note: str = "From her staff record.",
    has_other_name: bool = True,
) -> UUID:
    """Have an administrator say that the clinician, or another user, is Joan, or somebody else."""
    return join_user(
        requester=by or world.administrator,
        user_id=(user or world.clinician).user_id or uuid4(),
        nhs_number=number,
        birth_date=born,
        has_other_name=has_other_name,
        note=note,
        now=timezone.now(),
    )


def unjoined(
    world: World, *, user: Requester | None = None, by: Requester | None = None, reason: str = "A slip."
) -> None:
    """Have an administrator end that."""
    end_user_join(
        requester=by or world.administrator,
        user_id=(user or world.clinician).user_id or uuid4(),
        reason=reason,
        now=timezone.now(),
    )


def joined_and_unjoined(world: World) -> None:
    """Join the outsider, by an operator, and end that."""
    joined(world, user=world.outsider, number=NOBODYS_NUMBER, born=NOBODYS_BORN, by=operator())
    unjoined(world, user=world.outsider, by=operator())


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
    # Not Joan, of whom other calls make it doubtful who she is.
    "join_user": lambda world: joined(world, number=NOBODYS_NUMBER, born=NOBODYS_BORN),
    "end_user_join": joined_and_unjoined,
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
    "join_user": lambda world: joined(world, user=world.administrator),
    "end_user_join": lambda world: unjoined(world, user=world.outsider),
}

# Which of these name a person, when they go well and when they are refused.
ABOUT_A_PERSON = {
    *("end_user_join", "join_user"),
    *("end_break_glass", "open_break_glass", "prepare_break_glass", "read_break_glass", "review_break_glass"),
}
REFUSED_ABOUT_A_PERSON = {"open_break_glass", "prepare_break_glass"}
