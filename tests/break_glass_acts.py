"""A call of each service about emergency access that goes well, and one that is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from aggregator.accounts.requester import Requester
from aggregator.break_glass.terms import EmergencyAccess
from aggregator.services.break_glass.end_break_glass import end_break_glass
from aggregator.services.break_glass.open_break_glass import open_break_glass
from aggregator.services.break_glass.prepare_break_glass import prepare_break_glass
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


CALLS: dict[str, Callable[[World], object]] = {
    "end_break_glass": ended,
    # Not by the outsider, who is to stay one.
    "open_break_glass": lambda world: broken(world, by=world.clinician),
    "prepare_break_glass": lambda world: prepare_break_glass(
        requester=world.outsider, person_id=world.joan, now=timezone.now()
    ),
}

REFUSED: dict[str, Callable[[World], object]] = {
    "end_break_glass": lambda world: end_break_glass(requester=world.outsider, access_id=uuid4(), now=timezone.now()),
    "open_break_glass": lambda world: broken(world, by=world.administrator),
    "prepare_break_glass": lambda world: prepare_break_glass(
        requester=world.administrator, person_id=world.joan, now=timezone.now()
    ),
}

# Which of these name a person, when they go well and when they are refused.
ABOUT_A_PERSON = {"end_break_glass", "open_break_glass", "prepare_break_glass"}
REFUSED_ABOUT_A_PERSON = {"open_break_glass", "prepare_break_glass"}
