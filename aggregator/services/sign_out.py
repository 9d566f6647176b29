"""Sign out: the session ends, in the browser and on the server."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import logout
from django.http import HttpRequest

from aggregator.accounts.authentication import SignedIn
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.operations import remove_session
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.break_glass.queries import open_accesses


def sign_out(*, request: HttpRequest, signed_in: SignedIn, now: datetime) -> None:
    """End a session, and emergency access that was taken in its role."""
    with acting(signed_in.acting_as, Action.SIGN_OUT, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        act.begin()
        for access in open_accesses(membership_id=signed_in.acting_as.membership_id, now=now):
            end = End(kind=Ends.BREAK_GLASS, of_id=access.id, ends_at=now, reason="Signed out.")
            act.ends(end=end, is_whole_act=False, emergency=access)
        remove_session(user_id=signed_in.user_id, session_key=request.session.session_key or "")
        logout(request)
