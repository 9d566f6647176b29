"""The sources: how they are, what is done about one that fails, and how one is added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from aggregator.accounts.roles import Permission
from aggregator.errors import Invalid, NotFound, NotPermitted, TooMany
from aggregator.health.terms import CheckResult, is_own_network_away
from aggregator.record.completeness.words import failure_words, outcome_words
from aggregator.services.sources.check_sources import check_sources
from aggregator.services.sources.end_report_token import end_report_token
from aggregator.services.sources.list_sources import BoardLine, list_sources
from aggregator.services.sources.make_report_token import make_report_token
from aggregator.services.sources.pause_source import pause_source
from aggregator.services.sources.read_source import HISTORY, MOST_CONDITIONS, SourceView, read_source
from aggregator.services.sources.read_trial import read_trial
from aggregator.services.sources.registering import NewSource, mark_of
from aggregator.services.sources.resume_source import resume_source
from aggregator.services.sources.save_tried_source import save_tried_source
from aggregator.services.sources.try_new_source import try_new_source
from aggregator.services.sources.try_source import try_source
from aggregator.web.pages import draw
from aggregator.web.signed_in import SignedInRequest
from aggregator.web.sources.forms import ReasonForm, SourceForm, entered_of
from aggregator.web.sources.picture import WIDTH, bands_of
from aggregator.web.unattended import unattended

NEW = {"time_limit_s": "9", "freshness_s": str(NewSource.freshness_s), "rank": "100", "kind": "fhir_r4"}

# Changes of its state that the page of a source lists, of those of the last day.
LISTED = 20


@require_GET
def sources(request: SignedInRequest) -> HttpResponse:
    """Show the board: every source and how it is."""
    return _board(request, "sources/sources")


@unattended
@require_GET
def board(request: SignedInRequest) -> HttpResponse:
    """Return the board alone, for the page that shows it."""
    return _board(request, "sources/board")


@require_GET
def source(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Show one source."""
    return _source_page(request, source_id, "sources/source")


@unattended
@require_GET
def source_part(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Return how a source is, for the page that shows it."""
    return _source_page(request, source_id, "sources/state")


@require_http_methods(["GET", "POST"])
def pause(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Ask why a source is paused, and pause it."""

    def act(reason: str, now: datetime) -> None:
        pause_source(requester=request.requester, source_id=source_id, reason=reason, now=now)

    return _with_reason(request, source_id, act=act, template="sources/pause")


@require_http_methods(["GET", "POST"])
def resume(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Ask why a source is asked again, and have it asked."""

    def act(reason: str, now: datetime) -> None:
        resume_source(requester=request.requester, source_id=source_id, reason=reason, now=now)

    return _with_reason(request, source_id, act=act, template="sources/resume")


@require_http_methods(["GET", "POST"])
def end_token(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Ask why a source's token is ended, and end it."""

    def act(reason: str, now: datetime) -> None:
        end_report_token(requester=request.requester, source_id=source_id, reason=reason, now=now)

    return _with_reason(request, source_id, act=act, template="sources/end_token")


@require_POST
def make_token(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Make a source's token, and show it this once."""
    token = make_report_token(requester=request.requester, source_id=source_id, now=timezone.now())
    address = settings.PUBLIC_URL.rstrip("/") + reverse("api-report-health", kwargs={"source_id": source_id})
    return draw(request, "sources/token", token=token, address=address, source_id=source_id)


@require_POST
def check_now(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Have a source checked within seconds."""
    check_sources(requester=request.requester, source_id=source_id, now=timezone.now())
    return _to_source(source_id)


@require_POST
def start_trial(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Have a source tried step by step."""
    trial_id = try_source(requester=request.requester, source_id=source_id, now=timezone.now())
    return HttpResponseRedirect(reverse("source-trial", kwargs={"trial_id": trial_id}))


@require_GET
def trial(request: SignedInRequest, trial_id: UUID) -> HttpResponse:
    """Show how far a trial has come, and what can be done with it."""
    view = read_trial(requester=request.requester, trial_id=trial_id, now=timezone.now())
    return draw(request, "sources/trial", view=view)


@unattended
@require_GET
def trial_part(request: SignedInRequest, trial_id: UUID) -> HttpResponse:
    """Return how far a trial has come, for the page that shows it."""
    view = read_trial(requester=request.requester, trial_id=trial_id, now=timezone.now())
    return draw(request, "sources/trial_part", view=view)


@require_GET
def change_tried(request: SignedInRequest, trial_id: UUID) -> HttpResponse:
    """Show the form with what was tried, for whoever entered it to change."""
    now = timezone.now()
    tried = read_trial(requester=request.requester, trial_id=trial_id, now=now)
    if tried.entered is None:
        raise NotFound
    source_id = tried.trial.source_id
    view = read_source(requester=request.requester, source_id=source_id, now=now) if source_id else None
    form = SourceForm(requester=request.requester, slug=tried.slug if view else "")
    return _settings_page(request, form, view=view, shown=entered_of(tried.entered, replaces=tried.trial.replaces))


@require_POST
def save_trial(request: SignedInRequest, trial_id: UUID) -> HttpResponse:
    """Save the settings that were tried."""
    return _to_source(save_tried_source(requester=request.requester, trial_id=trial_id, now=timezone.now()))


@require_http_methods(["GET", "POST"])
def add(request: SignedInRequest) -> HttpResponse:
    """Take the settings of a new source, and have it tried."""
    form = SourceForm(request.POST if request.method == "POST" else None, requester=request.requester)
    return _settings_page(request, form, view=None, shown=NEW)


@require_http_methods(["GET", "POST"])
def change(request: SignedInRequest, source_id: UUID) -> HttpResponse:
    """Take other settings of a source, and have it tried with them."""
    view = read_source(requester=request.requester, source_id=source_id, now=timezone.now())
    if not view.may_manage:
        raise NotPermitted("You may not change how this source is asked.")
    entered = request.POST if request.method == "POST" else None
    form = SourceForm(entered, requester=request.requester, slug=view.settings.slug)
    # The organisation is known: with another code its name would be given to another one.
    known = replace(view.settings, organisation_name="")
    return _settings_page(request, form, view=view, shown=entered_of(known, replaces=mark_of(view.settings)))


def _settings_page(
    request: SignedInRequest, form: SourceForm, *, view: SourceView | None, shown: dict[str, str]
) -> HttpResponse:
    if not request.requester.may(Permission.MANAGE_SOURCES):
        raise NotPermitted("You may not register a source.")
    if form.is_valid():
        try:
            trial_id = try_new_source(
                requester=request.requester,
                source=form.source(),
                replaces=form.cleaned_data["replaces"] or (mark_of(view.settings) if view else ""),
                now=timezone.now(),
            )
            return HttpResponseRedirect(reverse("source-trial", kwargs={"trial_id": trial_id}))
        except Invalid as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        except TooMany as error:  # what was typed stays on the page
            form.add_error(None, str(error))
    if not form.is_bound:
        form.data = shown
    return draw(request, "sources/settings", form=form, view=view, status=400 if form.errors else 200)


def _with_reason(
    request: SignedInRequest, source_id: UUID, *, act: Callable[[str, datetime], None], template: str
) -> HttpResponse:
    form = ReasonForm(request.POST if request.method == "POST" else None)
    now = timezone.now()
    view = read_source(requester=request.requester, source_id=source_id, now=now)
    if not view.may_operate:
        raise NotPermitted("You may not do this to this source.")
    if form.is_valid():
        try:
            act(form.cleaned_data["reason"], now)
            return _to_source(source_id)
        except Invalid as error:
            form.add_error(error.field, str(error))
    return draw(request, template, view=view, form=form, status=400 if form.errors else 200)


def _board(request: SignedInRequest, template: str) -> HttpResponse:
    now = timezone.now()
    lines = list_sources(requester=request.requester, now=now)
    return draw(
        request,
        template,
        lines=lines,
        is_own_network_away=is_own_network_away(newest=_newest_checks(lines), now=now),
        outcome_words=_words_of_check,
        failure_words=failure_words,
    )


def _newest_checks(lines: Iterable[BoardLine]) -> Iterator[tuple[CheckResult, datetime]]:
    for line in lines:
        if line.enabled and line.health and line.health.check and line.health.checked_at:
            yield line.health.check, line.health.checked_at


def _source_page(request: SignedInRequest, source_id: UUID, template: str) -> HttpResponse:
    now = timezone.now()
    view = read_source(requester=request.requester, source_id=source_id, now=now)
    return draw(
        request,
        template,
        view=view,
        bands=bands_of(history=view.history, now=now),
        width=WIDTH,
        listed=LISTED,
        unlisted=sum(line.at > now - HISTORY for line in view.history[LISTED:]),
        is_cut=len(view.history) >= MOST_CONDITIONS,
        outcome_words=_words_of_check,
        failure_words=failure_words,
        last_words=outcome_words(outcome=view.last_ending.outcome, reason=view.last_ending.reason or "")
        if view.last_ending
        else "Never asked",
        address=settings.PUBLIC_URL.rstrip("/") + reverse("api-report-health", kwargs={"source_id": source_id}),
    )


def _words_of_check(check: CheckResult | None, /) -> str:
    """Return how a check ended, in words."""
    if check is None:
        return "Not checked yet"
    if check.outcome is None:
        return "Answered"
    return outcome_words(outcome=check.outcome, reason=check.reason or "")


def _to_source(source_id: UUID, /) -> HttpResponse:
    return HttpResponseRedirect(reverse("source", kwargs={"source_id": source_id}))
