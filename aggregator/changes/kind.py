"""What a kind of change declares: what it says, what it checks, and how it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission

# Ids, codes, dates and names, as text: what is proposed is kept and carried out later.
Terms = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whom a change is about: the organisation whose administrators may decide, and the user whose rights grow."""

    organisation_id: UUID
    user_id: UUID | None = None
    person_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What a change that was carried out made: its id, and what has to be handed over once, such as a password."""

    made_id: UUID
    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class ChangeKind:
    """`check` reads the terms for whoever proposes or confirms.

    It raises Invalid, NotFound or NotPermitted. `words` say what would change, as a sentence without its full stop, and
    `apply` does it, in the transaction of the confirmation, as of a moment.
    """

    name: str
    needs: Permission
    check: Callable[[Requester, Terms, datetime], Scope]
    words: Callable[[Terms], str]
    apply: Callable[[Requester, Terms, datetime], Applied]
