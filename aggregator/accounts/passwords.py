"""Whose password this is, under attack: counted before it is hashed, in few places at once, and locked out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest

from aggregator.accounts import lockout
from aggregator.accounts.authentication import user_for_password
from aggregator.accounts.hashing import hashing_slots
from aggregator.accounts.lockout import Attempt
from aggregator.accounts.models import User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.requester import Requester
from aggregator.errors import NotPermitted

# Hashing takes longer the longer the password is, so there is a limit.
MAX_PASSWORD_LENGTH = 128


def identify(
    *, request: HttpRequest, attempt: Attempt, password: str, now: datetime
) -> tuple[User, tuple[Requester, ...]]:
    """Return whose password this is, and as whom they may act.

    Everything that may be refused without hashing the password is refused before.
    Raises: NotPermitted, with the same words whether the name, the password or the account is at fault; TooMany,
    `locked` or `address-locked` after too many failures, `busy` when too many sign in at this moment.
    """
    lockout.check(attempt=attempt)
    with hashing_slots().one():
        standings = lockout.reserve(attempt=attempt)
        try:
            too_long = len(password) > MAX_PASSWORD_LENGTH
            user = (
                None if too_long else user_for_password(request=request, username=attempt.username, password=password)
            )
            choices = requesters_for(user_id=user.id, now=now) if user else ()
        except BaseException:
            lockout.give_back(attempt=attempt)
            raise
    if user is None or not choices:
        lockout.fail(standings=standings)
        raise not_identified()
    lockout.succeed(attempt=attempt)
    return user, choices


def confirm_identity(*, request: HttpRequest, user_id: UUID, password: str, now: datetime) -> None:
    """Go on only if the password is that of a user who has signed in already. It is counted as a sign-in is.

    Raises: NotPermitted, `password` when it is not; TooMany as for a sign-in.
    """
    username = User.objects.values_list("username", flat=True).get(id=user_id)
    attempt = Attempt(username=username, address=request.META.get("REMOTE_ADDR", ""))
    try:
        user, _ = identify(request=request, attempt=attempt, password=password, now=now)
    except NotPermitted as error:
        if error.code == NOT_IDENTIFIED:
            raise NotPermitted("The password is incorrect.", code="password") from None
        raise
    if user.id != user_id:
        raise NotPermitted("The password is incorrect.", code="password")


NOT_IDENTIFIED = "sign-in"


def not_identified() -> NotPermitted:
    """Return the refusal that does not say what was wrong."""
    return NotPermitted("The user name or password is incorrect, or the account is closed.", code=NOT_IDENTIFIED)
