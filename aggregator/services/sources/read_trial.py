"""See how a trial of a source goes, or went."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import Audit, acting
from aggregator.audit.events import Action
from aggregator.errors import NotFound
from aggregator.health.queries import Trial, trial_by_id
from aggregator.health.tasks import TRIAL_EXPIRES
from aggregator.health.trials import LONGEST
from aggregator.services.sources.registering import NewSource, from_settings, mark_of, settings_of
from aggregator.services.sources.save_tried_source import SAVED_WITHIN
from aggregator.sources.queries import source_by_id, source_by_slug
from connectors.contract.categories import RecordCategory

# A trial takes less, however late it was begun: one that has not ended by then never will.
GIVEN_UP_AFTER = TRIAL_EXPIRES + LONGEST


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """A trial. `name` and `slug` are those of what is tried; `is_lost`: nothing will come of it any more.

    `entered` are the settings that the requester entered, None for another's trial and for one of a source as it is
    registered. `can_be_saved`: they went well, and may be saved still; `is_in_use`: the source is registered so now.
    """

    trial: Trial
    name: str
    slug: str
    is_lost: bool
    entered: NewSource | None
    can_be_saved: bool
    is_in_use: bool


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
        tried = from_settings(trial.settings) if trial.settings is not None else None
        is_own = trial.asked_by == requester.user_id and requester.may(Permission.MANAGE_SOURCES)
        there_is = _mark_of_what_there_is(slug=tried.slug) if tried else ""
        is_in_use = tried is not None and there_is == mark_of(_as_saved(tried, trial))
        return TrialView(
            trial=trial,
            name=tried.name if tried else source.name if source else "",
            slug=tried.slug if tried else source.slug if source else "",
            is_lost=trial.ended_at is None and now > trial.asked_at + GIVEN_UP_AFTER,
            entered=tried if is_own else None,
            can_be_saved=is_own and not is_in_use and there_is == trial.replaces and _may_be_saved(trial, now=now),
            is_in_use=is_in_use,
        )


def _mark_of_what_there_is(*, slug: str) -> str:
    source = source_by_slug(slug=slug)
    return mark_of(settings_of(source) if source else None)


def _as_saved(tried: NewSource, trial: Trial) -> NewSource:
    """Return settings that were tried as they are saved: with what the source says that it may hold."""
    stated = frozenset(map(RecordCategory, trial.holds)) if trial.holds is not None else None
    return replace(tried, holds=tried.holds or stated)


def _may_be_saved(trial: Trial, *, now: datetime) -> bool:
    return bool(
        trial.settings is not None and trial.is_good and trial.ended_at and now <= trial.ended_at + SAVED_WITHIN
    )
