"""End one's own emergency access before it expires. What is open on a screen is cleared within half a minute."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.acting import Needs, acting
from aggregator.audit.events import Action
from aggregator.break_glass.queries import access_of
from aggregator.errors import NotFound, Superseded


def end_break_glass(*, requester: Requester, access_id: UUID, now: datetime) -> None:
    """End emergency access that the requester took in the membership in which they act.

    Raises: NotFound for anybody else's; Superseded when it has ended.
    """
    with acting(requester, Action.END_BREAK_GLASS, needs=Needs.NOTHING) as act:
        access = access_of(access_id=access_id, membership_id=requester.membership_id)
        if access is None:
            raise NotFound
        act.about(person_id=access.person_id)
        act.breaks_glass(access=access)
        if access.ends_at <= now:
            raise Superseded("This emergency access has ended already.")
        end = End(kind=Ends.BREAK_GLASS, of_id=access.id, ends_at=now, reason="Ended by whoever took it.")
        act.ends(end=end)
