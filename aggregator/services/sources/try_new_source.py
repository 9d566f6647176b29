"""Try a source before it is registered, or with other settings than it has, on the queue. Nothing is saved yet."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid
from aggregator.health import tasks
from aggregator.health.operations import begin_trial
from aggregator.services.sources.registering import (
    NewSource,
    as_settings,
    check_settings,
    check_whose,
    mark_of,
    settings_of,
)
from aggregator.services.sources.trials_at_once import check_room_for_trial
from aggregator.sources.queries import source_by_slug


def try_new_source(*, requester: Requester, source: NewSource, replaces: str = "", now: datetime) -> UUID:
    """Have a source tried with these settings, and return the id of the trial, which can then be saved.

    `replaces` is the mark of the settings that the requester saw and wants to replace, "" for a source that is new.
    Raises: NotPermitted; Invalid naming the field, also where there are other settings by now; TooMany, TooBusy while
    enough are under way.
    """
    with acting(requester, Action.TRY_NEW_SOURCE, needs=Permission.MANAGE_SOURCES) as act:
        act.about_nothing_single()
        check_whose(requester=requester, source=source)
        check_settings(source)
        before = source_by_slug(slug=source.slug)
        act.about(source_id=before.id if before else None)
        _check_replaced(before=settings_of(before) if before else None, replaces=replaces)
        act.begin()
        check_room_for_trial(requester=requester, now=now)
        trial_id = begin_trial(
            source_id=before.id if before else None,
            settings=as_settings(source),
            replaces=replaces,
            asked_by=requester.user_id,
            asker_organisation=requester.organisation_id,
            now=now,
        )
        act.note(trial=trial_id)
        transaction.on_commit(partial(tasks.send_trial, trial_id=trial_id))
        return trial_id


def _check_replaced(*, before: NewSource | None, replaces: str) -> None:
    if mark_of(before) == replaces:
        return
    if not replaces:
        raise Invalid(
            "There is a source of this short name. Choose another, or change that one on its own page.", field="slug"
        )
    raise Invalid(
        "Somebody has changed this source since you opened its settings, and nothing was tried. Open them anew, in"
        " another tab, to see what they are now.",
        code="changed-since",
    )
