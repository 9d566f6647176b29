"""A call of each service about the health of sources that goes well, and one that is refused."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

from django.utils import timezone

from aggregator.accounts.requester import anonymous, operator
from aggregator.health.report_tokens import ReportKey, new_report_token, read_report_token
from aggregator.health.terms import Report, ReportedStatus
from aggregator.services.sources.end_report_token import end_report_token
from aggregator.services.sources.list_source_health import list_source_health
from aggregator.services.sources.make_report_token import make_report_token
from aggregator.services.sources.report_health import report_health
from aggregator.sources.models import Source
from tests.world import SOURCE_SLUG, World


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


CALLS: dict[str, Callable[[World], object]] = {
    "end_report_token": _token_ended,
    "list_source_health": lambda world: list_source_health(requester=world.administrator, now=timezone.now()),
    "make_report_token": lambda world: make_report_token(
        requester=world.administrator, source_id=surgery(), now=timezone.now()
    ),
    "report_health": lambda world: _reported(with_token()),
}
REFUSED: dict[str, Callable[[World], object]] = {
    "end_report_token": lambda world: end_report_token(
        requester=world.administrator, source_id=surgery(), reason="", now=timezone.now()
    ),
    "list_source_health": lambda world: list_source_health(requester=world.clinician, now=timezone.now()),
    "make_report_token": lambda world: make_report_token(
        requester=world.administrator, source_id=uuid4(), now=timezone.now()
    ),
    "report_health": lambda world: _reported(new_report_token(source_id=surgery())[0]),
}
ONLY_REFUSALS = {"list_source_health", "report_health"}
ABOUT_A_SOURCE = {"end_report_token", "make_report_token"}
REFUSED_ABOUT_A_SOURCE = {"end_report_token", "report_health"}
