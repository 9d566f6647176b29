"""What the demonstration shows when everything is running: one patient's record, as a clinician sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from aggregator.accounts.models import User
from aggregator.accounts.queries import requesters_for
from aggregator.accounts.roles import Role
from aggregator.record.categories import CATEGORIES
from aggregator.record.completeness.words import ALLERGY_WORDS, in_words, remarks_on_source, summary_line
from aggregator.record.timeline import Entry
from aggregator.services.find_person import find_person
from aggregator.services.open_record import open_record
from aggregator.services.view_record import RecordView, view_record
from connectors.contract.outcomes import Outcome
from launcher.processes import StartError
from launcher.region import Region

Say = Callable[[str], None]
CONFLICTS_SHOWN = 3
SHARED_SHOWN = 3
MIN_SOURCES = 4
MAX_ATTEMPTS = 3


def show(*, region: Region, web: str, password: str, say: Say) -> None:
    """Retrieve the record of the first story's person, print a summary of it and how to sign in.

    Raises: StartError when there is no record, or it does not show what the first story is about.
    """
    story = region.description["stories"][0]
    account = next(account for account in region.description["accounts"] if account["role"] == "clinician")
    say(f"\n{story['title']}: {story['given']} {story['family']}, as {account['name']} sees the record\n\n")
    view = _ask_until_shown(username=account["username"], nhs_number=story["nhs_number"], say=say)
    for line in _lines(view):
        say(f"  {line}\n")
    if missing := _missing(view):
        raise StartError(f"The record does not show {', or '.join(missing)}.")
    say(f"\nOpen {web} and sign in with the password {password} as\n\n")
    for user in _accounts(region):
        say(f"  {user['username']:<14} {Role(user['role']).words}, {user['name']}\n")
    say("\nPeople to search for (see README, The seven stories):\n\n")
    for story in region.description["stories"]:
        number = story["nhs_number"]
        say(
            f"  {number[:3]} {number[3:6]} {number[6:]}  {story['given']} {story['family']}: {story['title'].lower()}\n"
        )
    say("\n")


def _accounts(region: Region) -> list[dict[str, Any]]:
    return [account for account in region.description["accounts"] if account["role"] != "operator"]


def _ask_until_shown(*, username: str, nhs_number: str, say: Say) -> RecordView:
    """Ask, and ask again if sources were too slow: a machine that is starting all of this at once may be busy."""
    for _ in range(MAX_ATTEMPTS - 1):
        view = _ask(username=username, nhs_number=nhs_number)
        if not _missing(view):
            return view
        say(f"  {summary_line(statuses=view.sources)} Trying again.\n\n")
    return _ask(username=username, nhs_number=nhs_number)


def _ask(*, username: str, nhs_number: str) -> RecordView:
    now = datetime.now(UTC)
    requester = next(iter(requesters_for(user_id=User.objects.get(username=username).id, now=now)), None)
    people = find_person(requester=requester, nhs_number=nhs_number, now=now).people if requester else ()
    if requester is None or not people:
        raise StartError("The demonstration's account or person is missing: run `make clean`, then `make demo` again.")
    retrieval_id = open_record(requester=requester, person_id=people[0].person_id, now=datetime.now(UTC))
    until = time.monotonic() + settings.RETRIEVAL_DEADLINE_S + 2
    while True:
        view = view_record(requester=requester, retrieval_id=retrieval_id, now=datetime.now(UTC))
        if view.complete:
            return view
        if time.monotonic() > until:
            raise StartError("The record was not ready in time: see the worker's log in the data folder.")
        time.sleep(0.2)


def _lines(view: RecordView) -> Iterator[str]:
    names = {source.source_id: source.name for source in view.sources}
    for source in view.sources:
        count = f", {source.item_count} items" if source.item_count else ""
        yield f"{source.name:<32} {in_words(status=source)}{count}"
        yield from (f"{'':<32} {remark}" for remark in remarks_on_source(status=source))
    yield ""
    yield summary_line(statuses=view.sources)
    yield f"{ALLERGY_WORDS[view.allergy_status]}."
    yield ", ".join(f"{CATEGORIES[section.category].title} {len(section.entries)}" for section in view.record.sections)
    yield ""
    yield f"Recorded by several sources ({len(_shared(view))} entries), for example"
    for entry in _shared(view)[:SHARED_SHOWN]:
        yield f"  {entry.heading}: {', '.join(names[source_id] for source_id in entry.source_ids)}"
    yield f"Sources differ in {len(view.record.conflicts)} places, for example"
    for conflict in view.record.conflicts[:CONFLICTS_SHOWN]:
        yield f"  {conflict.statement}"
        yield from (f"    {names.get(source_id, source_id)}: {says}" for source_id, says in conflict.claims)


def _shared(view: RecordView) -> list[Entry]:
    return [entry for section in view.record.sections for entry in section.entries if len(entry.source_ids) > 1]


def _missing(view: RecordView) -> list[str]:
    """Return what the demonstration is meant to show and this record does not."""
    answered = [source for source in view.sources if source.outcome is Outcome.ANSWERED]
    silent = [source for source in view.sources if source.outcome is Outcome.TIMED_OUT]
    expected = {
        f"at least {MIN_SOURCES} sources that answered": len(answered) >= MIN_SOURCES,
        "an entry from several sources": bool(_shared(view)),
        "a conflict": bool(view.record.conflicts),
        "a source that did not answer in time": bool(silent),
    }
    return [what for what, is_there in expected.items() if not is_there]
