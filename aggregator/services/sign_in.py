"""Sign in with a local account."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest

from aggregator.accounts import lockout
from aggregator.accounts.authentication import MEMBERSHIP, SIGNED_IN_AT
from aggregator.accounts.lockout import Attempt
from aggregator.accounts.operations import add_session, make_room_for_session
from aggregator.accounts.passwords import identify, not_identified
from aggregator.accounts.queries import user_id_for
from aggregator.accounts.requester import anonymous, not_chosen
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.errors import NotPermitted


def sign_in(*, request: HttpRequest, username: str, password: str, now: datetime) -> bool:
    """Sign a user in and return whether they act in a membership: who has several must choose one first.

    A new session starts, so that nothing is kept from the one before.
    Raises: NotPermitted, with the same words whether the name, the password or the account is at fault; TooMany,
    `locked` or `address-locked` after too many failures, `busy` when too many sign in at this moment.
    """
    with acting(anonymous(), Action.SIGN_IN, needs=Needs.NOTHING) as act:
        attempt = Attempt(username=username, address=request.META.get("REMOTE_ADDR", ""))
        act.note(address=lockout.address_mark(attempt.address))
        try:
            user, choices = identify(request=request, attempt=attempt, password=password, now=now)
        except NotPermitted:
            if (user_id := user_id_for(username=username)) is not None:
                act.note(user=user_id)
            raise
        only = choices[0] if len(choices) == 1 else None
        act.identify(requester=only or not_chosen(user_id=user.id))
        act.about_nothing_single()
        act.begin()
        if not make_room_for_session(user_id=user.id, most=settings.SESSIONS_PER_USER, now=now):
            raise not_identified()
        request.session.flush()
        login(request, user)
        request.session[SIGNED_IN_AT] = now.isoformat()
        if only is not None:
            request.session[MEMBERSHIP] = str(only.membership_id)
        add_session(user_id=user.id, session_key=request.session.session_key or "")
        return only is not None
