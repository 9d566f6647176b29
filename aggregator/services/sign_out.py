"""Sign out: the session ends, in the browser and on the server."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest

from aggregator.accounts.operations import remove_session
from aggregator.accounts.requester import Requester
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action


def sign_out(*, request: HttpRequest, requester: Requester) -> None:
    """End the requester's session."""
    with acting(requester, Action.SIGN_OUT, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        act.begin()
        if requester.user_id is not None:
            remove_session(user_id=requester.user_id, session_key=request.session.session_key or "")
        logout(request)
