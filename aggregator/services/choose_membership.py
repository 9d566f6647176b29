"""Choose in which of one's memberships to act: after signing in, or to switch."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest

from aggregator.accounts.authentication import MEMBERSHIP, SignedIn
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.operations import replace_session
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.break_glass.queries import open_accesses
from aggregator.errors import NotFound


def choose_membership(*, request: HttpRequest, signed_in: SignedIn, membership_id: UUID, now: datetime) -> None:
    """Let a session act in one of its user's memberships from now on, under a new key.

    Emergency access that was taken in the one before ends.

    Pages that were opened in another membership stay its own: a record is shown to whoever opened it, as which they
    opened it. Raises: NotFound for a membership that is not the user's or does not stand.
    """
    with acting(signed_in.acting_as, Action.CHOOSE_MEMBERSHIP, needs=Needs.NOTHING) as act:
        act.about_nothing_single()
        act.note(before=signed_in.acting_as.membership_id)
        chosen = signed_in.choice(membership_id=membership_id)
        if chosen is None:
            raise NotFound("That is not one of your roles, or it has ended.")
        act.begin()
        for access in open_accesses(membership_id=signed_in.acting_as.membership_id, now=now):
            end = End(kind=Ends.BREAK_GLASS, of_id=access.id, ends_at=now, reason="Acts in another role.")
            act.ends(end=end, is_whole_act=False, emergency=access)
        act.identify(requester=chosen)
        old_key = request.session.session_key or ""
        request.session.cycle_key()
        request.session[MEMBERSHIP] = str(membership_id)
        replace_session(user_id=signed_in.user_id, old_key=old_key, new_key=request.session.session_key or "")
