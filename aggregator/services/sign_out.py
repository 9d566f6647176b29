"""Sign out: the session ends, in the browser and on the server."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest

from aggregator.accounts.requester import Requester
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action


def sign_out(*, request: HttpRequest, requester: Requester) -> None:
    """End the requester's session."""
    with acting(requester, Action.SIGN_OUT, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        act.begin()
        logout(request)
