"""Sign out: the session ends, in the browser and on the server."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest

from aggregator.accounts.authentication import SignedIn
from aggregator.accounts.operations import remove_session
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action


def sign_out(*, request: HttpRequest, signed_in: SignedIn) -> None:
    """End a session."""
    with acting(signed_in.acting_as, Action.SIGN_OUT, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        act.begin()
        remove_session(user_id=signed_in.user_id, session_key=request.session.session_key or "")
        logout(request)
