"""Register a source, or change one, as it was tried. Only what has been tried well can be saved so."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound, Superseded
from aggregator.health.queries import trial_by_id
from aggregator.services.sources.registering import check_settings, check_whose, from_settings, write_source
from aggregator.sources.queries import source_by_slug
from connectors.contract.categories import RecordCategory

# What a trial has shown may no longer be so after that.
SAVED_WITHIN = timedelta(minutes=30)


def save_tried_source(*, requester: Requester, trial_id: UUID, now: datetime) -> UUID:
    """Save the settings that a trial of the requester's went well with; return the id of the source.

    Raises: NotPermitted; NotFound for another's trial, and for one of a source as it is registered; Superseded for one
    that did not go well, is too old, or whose source has been added, changed or taken away since; Invalid.
    """
    with acting(requester, Action.SAVE_TRIED_SOURCE, needs=Permission.MANAGE_SOURCES) as act:
        act.about_nothing_single()
        act.note(trial=trial_id)
        trial = trial_by_id(trial_id=trial_id)
        if trial is None or trial.settings is None or trial.asked_by != requester.user_id:
            raise NotFound
        source = from_settings(trial.settings)
        check_whose(requester=requester, source=source)
        if not trial.is_good or trial.ended_at is None or now > trial.ended_at + SAVED_WITHIN:
            raise Superseded("This trial did not go well, or was too long ago. Try the source again.")
        before = source_by_slug(slug=source.slug)
        if (before.id if before else None) != trial.source_id:
            raise Superseded("A source of this short name has been added since. Look at it first.")
        check_settings(source)
        holds = frozenset(map(RecordCategory, trial.holds)) if trial.holds is not None else None
        act.begin()
        source_id, created = write_source(source=source, holds=source.holds or holds, replaces=trial.replaces, now=now)
        act.about(source_id=source_id)
        act.note(slug=source.slug, created=created)
        return source_id
