"""Sign in with a local account."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import login
from django.http import HttpRequest

from aggregator.accounts import lockout
from aggregator.accounts.authentication import SIGNED_IN_AT, requester_for, user_for_password
from aggregator.accounts.requester import Requester, anonymous
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.errors import NotPermitted

# Hashing takes longer the longer the password is, so there is a limit.
MAX_PASSWORD_LENGTH = 128


def sign_in(*, request: HttpRequest, username: str, password: str, now: datetime) -> Requester:
    """Sign a user in and return who they are; a new session starts, so that nothing is kept from the one before.

    Raises: NotPermitted, with the same words whether the name, the password or the account is at fault; `locked` after
    too many failures from one address.
    """
    with acting(anonymous(), Action.SIGN_IN, needs=Needs.NOTHING) as act:
        address = request.META.get("REMOTE_ADDR", "")
        if lockout.is_locked(username=username, address=address):
            raise NotPermitted(
                "Too many failed sign-in attempts. Try again in 15 minutes, or contact your administrator.",
                code="locked",
            )
        too_long = len(password) > MAX_PASSWORD_LENGTH
        user = None if too_long else user_for_password(request=request, username=username, password=password)
        requester = requester_for(user_id=user.id) if user else None
        if user is None or requester is None:
            lockout.count_failure(username=username, address=address)
            raise NotPermitted("The user name or password is incorrect, or the account is closed.", code="sign-in")
        lockout.forget(username=username, address=address)
        act.identify(requester=requester)
        act.about_nothing_single()
        act.begin()
        request.session.flush()
        login(request, user)
        request.session[SIGNED_IN_AT] = now.isoformat()
        return requester
