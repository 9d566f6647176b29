"""A call of each service about the health of sources that goes well, and one that is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

from django.utils import timezone

from aggregator.accounts.requester import Requester, anonymous, operator
from aggregator.health.operations import end_trial
from aggregator.health.report_tokens import ReportKey, new_report_token, read_report_token
from aggregator.health.terms import Report, ReportedStatus, Step, StepState, TrialEnd, TrialStep
from aggregator.services.sources.check_sources import check_sources
from aggregator.services.sources.end_report_token import end_report_token
from aggregator.services.sources.examine_address import UnregisteredSystem, examine_address
from aggregator.services.sources.examine_source import examine_source
from aggregator.services.sources.examining import Examinee
from aggregator.services.sources.list_sources import list_sources
from aggregator.services.sources.make_report_token import make_report_token
from aggregator.services.sources.pause_source import pause_source
from aggregator.services.sources.read_source import read_source
from aggregator.services.sources.read_trial import read_trial
from aggregator.services.sources.registering import NewSource
from aggregator.services.sources.report_health import report_health
from aggregator.services.sources.resume_source import resume_source
from aggregator.services.sources.save_tried_source import save_tried_source
from aggregator.services.sources.try_new_source import try_new_source
from aggregator.services.sources.try_source import try_source
from aggregator.sources.models import Source
from tests.world import JOAN_NUMBER, NOWHERE, SOURCE_SLUG, World


def surgery() -> UUID:
    """Return the source of the small world."""
    return Source.objects.get(slug=SOURCE_SLUG).id


def with_token(*, source_id: UUID | None = None) -> ReportKey:
    """Make a token of a source and return what it says."""
    text = make_report_token(requester=operator(), source_id=source_id or surgery(), now=timezone.now())
    key = read_report_token(text=text)
    assert key
    return key


def _token_ended(world: World) -> None:
    with_token()
    end_report_token(requester=world.administrator, source_id=surgery(), reason="Retired.", now=timezone.now())


def _reported(key: ReportKey) -> None:
    report_health(requester=anonymous(), key=key, report=Report(status=ReportedStatus.UP), now=timezone.now())


TRIED = NewSource(
    slug="tried", name="Tried", kind="fhir_r4", base_url=NOWHERE, organisation_ods="X1", organisation_name="X"
)


def tried(*, slug: str = "tried") -> UUID:
    """Have a new source tried, and say that this went well; return the trial."""
    trial_id = try_new_source(requester=operator(), source=replace(TRIED, slug=slug), now=timezone.now())
    step = Step(step=TrialStep.READ, state=StepState.DONE)
    end_trial(trial_id=trial_id, end=TrialEnd(steps=(step,)), now=timezone.now())
    return trial_id


def _saved(trial_id: UUID) -> None:
    save_tried_source(requester=operator(), trial_id=trial_id, now=timezone.now())


def paused(*, by: Requester | None = None) -> None:
    """Have the surgery paused, unless it is."""
    if Source.objects.get(slug=SOURCE_SLUG).enabled:
        pause_source(requester=by or operator(), source_id=surgery(), reason="Works.", now=timezone.now())


def resumed(*, by: Requester | None = None) -> None:
    """Have the surgery asked again, if it is paused."""
    if not Source.objects.get(slug=SOURCE_SLUG).enabled:
        resume_source(requester=by or operator(), source_id=surgery(), reason="Done.", now=timezone.now())


def _paused(world: World) -> None:
    paused(by=world.administrator)


def _resumed(world: World) -> None:
    paused()
    resumed(by=world.administrator)


def _source_examined(*, by: Requester, patient: str = "") -> None:
    """Have the surgery examined, which answers nothing."""
    examine_source(
        requester=by,
        source_id=surgery(),
        examinee=Examinee(patient=patient),
        within_s=5.0,
        told=lambda *_: None,
        now=timezone.now(),
    )


def _address_examined(*, by: Requester) -> None:
    examine_address(
        requester=by,
        system=UnregisteredSystem(kind="fhir_r4", base_url=NOWHERE),
        examinee=Examinee(),
        within_s=5.0,
        told=lambda *_: None,
        now=timezone.now(),
    )


CALLS: dict[str, Callable[[World], object]] = {
    "check_sources": lambda world: check_sources(
        requester=world.administrator, source_id=surgery(), now=timezone.now()
    ),
    "end_report_token": _token_ended,
    "examine_address": lambda world: _address_examined(by=operator()),
    "examine_source": lambda world: _source_examined(by=world.administrator),
    "list_sources": lambda world: list_sources(requester=world.administrator, now=timezone.now()),
    "make_report_token": lambda world: make_report_token(
        requester=world.administrator, source_id=surgery(), now=timezone.now()
    ),
    "pause_source": _paused,
    "read_source": lambda world: read_source(requester=world.administrator, source_id=surgery(), now=timezone.now()),
    "read_trial": lambda world: read_trial(requester=operator(), trial_id=tried(), now=timezone.now()),
    "report_health": lambda world: _reported(with_token()),
    "resume_source": _resumed,
    "save_tried_source": lambda world: _saved(tried(slug=f"tried-{secrets.token_hex(4)}")),
    "try_new_source": lambda world: tried(slug=f"tried-{secrets.token_hex(4)}"),
    "try_source": lambda world: try_source(requester=world.administrator, source_id=surgery(), now=timezone.now()),
}
REFUSED: dict[str, Callable[[World], object]] = {
    "end_report_token": lambda world: end_report_token(
        requester=world.administrator, source_id=surgery(), reason="", now=timezone.now()
    ),
    "examine_address": lambda world: _address_examined(by=world.administrator),
    "examine_source": lambda world: _source_examined(by=world.administrator, patient=JOAN_NUMBER),
    "list_sources": lambda world: list_sources(requester=world.clinician, now=timezone.now()),
    "make_report_token": lambda world: make_report_token(
        requester=world.administrator, source_id=uuid4(), now=timezone.now()
    ),
    "check_sources": lambda world: check_sources(requester=world.clinician, source_id=surgery(), now=timezone.now()),
    "pause_source": lambda world: pause_source(
        requester=world.administrator, source_id=surgery(), reason="", now=timezone.now()
    ),
    "read_source": lambda world: read_source(requester=world.administrator, source_id=uuid4(), now=timezone.now()),
    "read_trial": lambda world: read_trial(requester=world.administrator, trial_id=uuid4(), now=timezone.now()),
    "resume_source": lambda world: resume_source(
        requester=world.administrator, source_id=surgery(), reason="", now=timezone.now()
    ),
    "save_tried_source": lambda world: save_tried_source(
        requester=world.administrator, trial_id=uuid4(), now=timezone.now()
    ),
    "try_new_source": lambda world: try_new_source(requester=world.administrator, source=TRIED, now=timezone.now()),
    "try_source": lambda world: try_source(requester=world.clinician, source_id=surgery(), now=timezone.now()),
    "report_health": lambda world: _reported(new_report_token(source_id=surgery())[0]),
}
ONLY_REFUSALS = {"list_sources", "read_source", "read_trial", "report_health"}
ABOUT_A_SOURCE = {
    *("check_sources", "end_report_token", "make_report_token", "pause_source", "resume_source", "save_tried_source"),
    *("examine_source", "try_source"),
}
REFUSED_ABOUT_A_SOURCE = {
    "examine_source",
    "end_report_token",
    "pause_source",
    "read_source",
    "report_health",
    "resume_source",
}
