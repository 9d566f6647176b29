"""Arguments that commands about access have in common."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from uuid import UUID

from django.core.management.base import CommandError
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.services.sources.list_sources import list_sources
from aggregator.services.users.list_users import list_users


def identifier(text: str, /) -> UUID:
    """Return the id that an argument is.

    Raises: CommandError.
    """
    try:
        return UUID(text)
    except ValueError:
        raise CommandError("Give the id as the service's lists and pages show it.") from None


def option_pairs(options: list[str], /) -> dict[str, str]:
    """Return settings of a kind by name, of arguments that are NAME=VALUE each.

    Raises: CommandError.
    """
    pairs: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not name or not equals:
            raise CommandError(f"--option takes NAME=VALUE, not {option!r}.")
        pairs[name] = value
    return pairs


def source_named(slug: str, /) -> UUID:
    """Return the id of the source of a short name.

    Raises: CommandError.
    """
    lines = list_sources(requester=operator(), now=timezone.now())
    found = next((line.source_id for line in lines if line.slug == slug), None)
    if found is None:
        raise CommandError("There is no source of this short name.")
    return found


def account_named(username: str, /) -> UUID:
    """Return the id of the open account of a user name.

    Raises: CommandError for none, and for one without a role.
    """
    found = list_users(requester=operator(), search=username, now=timezone.now())
    user_id = next((user.user_id for user in found.users if user.username == username), None)
    if user_id is None:
        raise CommandError("There is no open account of this name that has a role.")
    return user_id


def add_days(parser: ArgumentParser, /) -> None:
    """Add from when until when, and why."""
    parser.add_argument("--from", required=True, dest="from_date", metavar="DATE", help="the first day, 2024-08-14")
    parser.add_argument("--until", default="", dest="until_date", metavar="DATE", help="the last day; open without")
    parser.add_argument("--reason", required=True, help="why")


def add_end(parser: ArgumentParser, /) -> None:
    """Add when something ends, and why."""
    parser.add_argument("--last-day", type=date.fromisoformat, metavar="DATE", help="as 2024-08-14; at once without")
    parser.add_argument("--reason", required=True, help="why")
