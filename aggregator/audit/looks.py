"""Who looked at somebody's record, as that person may be told. Pure.

One line for each time that a record was open, however many of its pages were read: from the first to the last of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import Role
from aggregator.audit.events import Action, EventOutcome
from aggregator.audit.looked_for import TrailEvent

# What was done with the person's details, in words for them. What is not listed here is told all the same.
OPENED, CLOSED = "opened your record", "closed your record"
WORDS: Mapping[str, str] = {
    Action.OPEN_RECORD: OPENED,
    Action.VIEW_RECORD: OPENED,
    Action.FETCH_DOCUMENT: OPENED,
    Action.OPEN_BREAK_GLASS: "said that they needed your record at once",
    Action.END_BREAK_GLASS: CLOSED,
    Action.EXAMINE_SOURCE: "tested an organisation's system with your record",
    # These are about somebody only where emergency access ends with them.
    Action.SIGN_OUT: CLOSED,
    Action.CHOOSE_MEMBERSHIP: CLOSED,
    Action.PREPARE_BREAK_GLASS: "read what it means to open your record in an emergency",
    Action.LIST_BREAK_GLASS: "saw in a list that somebody opened your record",
    Action.READ_BREAK_GLASS: "checked whether it was right that somebody opened your record",
    Action.REVIEW_BREAK_GLASS: "checked whether it was right that somebody opened your record",
    Action.FIND_PERSON: "found you in a search by name or NHS number",
    Action.READ_PERSON: "looked at your name, address and other details of that kind",
    Action.READ_CONSENT: "looked at what you have decided about sharing",
    Action.RECORD_OPT_OUT: "recorded what you have decided about sharing",
    Action.LIST_ACCESS: "looked at who may see your record",
    Action.SEARCH_AUDIT: "looked at who has used your details",
    Action.REPORT_ACCESS: "gave out a report like this one",
    Action.JOIN_USER: "noted that you yourself have an account in this service",
    Action.END_USER_JOIN: "took back that you yourself have an account in this service",
    Action.READ_REVIEW: "checked whether records of different organisations are all yours",
    Action.SETTLE_REVIEW: "checked whether records of different organisations are all yours",
    Action.TAKE_BACK_REVIEW: "checked whether records of different organisations are all yours",
}
OTHER_WORDS = "used your details"
WHY: Mapping[str, str] = {
    PurposeOfUse.TREATMENT: "for your care",
    PurposeOfUse.BREAK_GLASS: "in an emergency",
    PurposeOfUse.OPERATIONS: "to run this service",
    PurposeOfUse.PATIENT_REQUEST: "because you asked",
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """One line of the report: who did what with the person's details, as what, from where, when and why.

    `break_glass` is the code of the reason for which it was done in an emergency; "" for none.
    """

    user_id: UUID | None
    client_id: UUID | None
    role: Role
    organisation_ods: str
    words: str
    why: str
    first_at: datetime
    last_at: datetime
    break_glass: str = ""


def looks(*, events: Iterable[TrailEvent]) -> tuple[Look, ...]:
    """Return what was done with one person's details, the most recent first; `events` are those about them, in order.

    What was refused showed nothing and is left out.
    """
    found: dict[object, Look] = {}
    for event in events:
        if event.outcome != EventOutcome.SUCCESS:
            continue
        words = WORDS.get(event.action, OTHER_WORDS)
        # Of a record that was open each page is an event; of other acts each is one.
        emergency = str(event.detail.get("break_glass", ""))
        key: object = (event.retrieval_id, emergency) if event.retrieval_id and words == OPENED else event.seq
        known = found.get(key)
        found[key] = Look(
            user_id=event.user_id,
            client_id=event.client_id,
            role=Role(event.role),
            organisation_ods=event.organisation_ods,
            words=words,
            why=WHY.get(event.purpose, "for a reason that this service does not know"),
            first_at=known.first_at if known else event.at,
            last_at=event.at,
            break_glass=str(event.detail.get("reason", "")) if emergency else "",
        )
    return tuple(sorted(found.values(), key=lambda look: look.first_at, reverse=True))
