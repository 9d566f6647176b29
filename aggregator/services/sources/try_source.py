"""Try a source step by step, on the queue: its page shows how far that has come."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.health import tasks
from aggregator.health.operations import begin_trial
from aggregator.services.sources.trials_at_once import check_room_for_trial
from aggregator.sources.scope import source_to_act_for


def try_source(*, requester: Requester, source_id: UUID, now: datetime) -> UUID:
    """Have a source tried as it is registered, and return the id of the trial.

    Raises: NotPermitted, also for a source of another organisation; NotFound; TooMany, TooBusy while
    enough are under way.
    """
    with acting(requester, Action.TRY_SOURCE, needs=Permission.OPERATE_SOURCES) as act:
        source = source_to_act_for(requester=requester, source_id=source_id)
        act.about(source_id=source.id)
        act.begin()
        check_room_for_trial(requester=requester, now=now)
        trial_id = begin_trial(
            source_id=source.id,
            settings=None,
            asked_by=requester.user_id,
            asker_organisation=requester.organisation_id,
            now=now,
        )
        act.note(trial=trial_id)
        transaction.on_commit(partial(tasks.send_trial, trial_id=trial_id))
        return trial_id
