"""Load who may sign in and as what, from a file: accounts and roles are added, and ended where the file says so."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from aggregator.accounts import operations
from aggregator.accounts.emails import checked_email
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.models import User
from aggregator.accounts.queries import earliest_end, organisation_by_code, user_id_for
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission, Role
from aggregator.accounts.user_file import UserLine, read_users
from aggregator.acting import Act, acting
from aggregator.audit.events import Action
from aggregator.csv_rows import Rejected
from aggregator.errors import Invalid, NotPermitted
from aggregator.limits import check_length
from aggregator.relationships.terms import end_of_day, start_of_day

REASON = "The list of users that was loaded says so."


@dataclass(frozen=True, kw_only=True)
class LoadedUsers:
    """Every line is counted once in `recorded` or `rejected`.

    `added` are the accounts that were made, and `passwords` theirs by user name, to be handed over; `ended` are the
    roles that were given an end.
    """

    recorded: int
    added: int
    ended: int
    rejected: tuple[Rejected, ...]
    passwords: tuple[tuple[str, str], ...]


def load_users(*, requester: Requester, lines: Iterable[str], now: datetime) -> LoadedUsers:
    """Load a CSV file (columns as in `accounts.user_file`). Lines that cannot be loaded are reported.

    To load it again changes nothing. A role that the file does not name is left as it is.
    Raises: NotPermitted for all but commands of this machine; Invalid when the heading cannot be used.
    """
    with acting(requester, Action.LOAD_USERS, needs=Permission.MANAGE_USERS) as act:
        act.about_nothing_single()
        if requester.user_id is not None:
            raise NotPermitted("Lists of users are loaded by a command, or one by one with a second administrator.")
        try:
            users, rejected = read_users(lines=lines)
        except ValueError as error:
            raise Invalid(f"The file cannot be read: {error}.", field="file") from None
        act.begin()
        done: list[_Done] = []
        for line in users:
            try:
                with transaction.atomic():
                    done.append(_load(act, line, now=now))
            except Invalid as error:
                rejected.append(Rejected(line=line.line, reason=str(error), values=line.as_values()))
        passwords = tuple((each.username, each.password) for each in done if each.password)
        loaded = LoadedUsers(
            recorded=len(done),
            added=len(passwords),
            ended=sum(each.has_ended_role for each in done),
            rejected=tuple(sorted(rejected, key=lambda line: line.line)),
            passwords=passwords,
        )
        act.note(recorded=loaded.recorded, added=loaded.added, ended=loaded.ended, rejected=len(loaded.rejected))
        return loaded


@dataclass(frozen=True, kw_only=True)
class _Done:
    """What one line came to: the password of an account that it made, and whether it ended a role."""

    username: str
    password: str
    has_ended_role: bool


def _load(act: Act, line: UserLine, *, now: datetime) -> _Done:
    """Load one line.

    Raises: Invalid for what the tables cannot hold, and for an organisation that is not known.
    """
    organisation = organisation_by_code(ods_code=line.organisation_ods)
    if organisation is None:
        raise Invalid("no organisation has this ODS code here")
    ends_at = end_of_day(date.fromisoformat(line.until_date)) if line.until_date else None
    from_at = start_of_day(date.fromisoformat(line.from_date)) if line.from_date else now
    if ends_at is not None and ends_at <= from_at:
        raise Invalid("it ends before it begins")
    email = checked_email(line.email)
    password = ""
    user_id = user_id_for(username=line.username)
    if user_id is None:
        for field, value in (("username", line.username), ("family", line.family), ("given", line.given)):
            check_length(model=User, field=field, value=value, label=field)
        check_length(model=User, field="prefix", value=line.title, label="title")
        # It is handed over in a CSV, where a spreadsheet takes what begins with a minus for a formula.
        while (password := secrets.token_urlsafe(12)).startswith("-"):
            pass
        user_id = operations.add_account(
            username=line.username, password=password, family=line.family, given=line.given, prefix=line.title
        ).id
    if email:
        operations.set_email(user_id=user_id, email=email)
    membership_id = operations.add_membership(
        user_id=user_id,
        organisation_id=organisation.id,
        role=Role(line.role),
        from_at=max(from_at, now),
        added_by=None,
        now=now,
    )
    known_end = earliest_end(of_id=membership_id)
    is_new_end = ends_at is not None and (known_end is None or ends_at < known_end)
    if ends_at is not None and is_new_end:
        end = End(kind=Ends.MEMBERSHIP, of_id=membership_id, ends_at=ends_at, reason=REASON)
        act.ends(end=end, is_whole_act=False)
    return _Done(username=line.username, password=password, has_ended_role=is_new_end)
