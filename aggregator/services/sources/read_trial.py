"""See how a trial of a source goes, or went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Audit, acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.health.queries import Trial, trial_by_id
from aggregator.sources.queries import source_by_id

# A trial takes less: one that has not ended by then never will.
GIVEN_UP_AFTER = timedelta(seconds=45)


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """A trial. `name` and `slug` are those of what is tried; `is_lost`: nothing will come of it any more.

    `can_be_saved`: what was tried is not registered so yet, and went well.
    """

    trial: Trial
    name: str
    slug: str
    is_lost: bool
    can_be_saved: bool


def read_trial(*, requester: Requester, trial_id: UUID, now: datetime) -> TrialView:
    """Return a trial that somebody of the requester's organisation asked for, or anybody, where they may act for any.

    Raises: NotPermitted; NotFound.
    """
    with acting(requester, Action.READ_TRIAL, needs=Permission.OPERATE_SOURCES, audit=Audit.ON_REFUSAL) as act:
        act.about_nothing_single()
        act.note(trial=trial_id)
        trial = trial_by_id(trial_id=trial_id)
        may_see = requester.may(Permission.ANY_ORGANISATION)
        if trial is None or not (may_see or trial.asker_organisation == requester.organisation_id):
            raise NotFound
        source = source_by_id(source_id=trial.source_id) if trial.source_id else None
        said = trial.settings or {}
        is_own = trial.asked_by == requester.user_id and requester.may(Permission.MANAGE_SOURCES)
        return TrialView(
            trial=trial,
            name=str(said.get("name") or (source.name if source else "")),
            slug=str(said.get("slug") or (source.slug if source else "")),
            is_lost=trial.ended_at is None and now > trial.asked_at + GIVEN_UP_AFTER,
            can_be_saved=trial.settings is not None and trial.is_good is True and is_own,
        )
