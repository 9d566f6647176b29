"""Sources over the service API: how each is and how it is asked, pausing and asking again, and trials."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.service.serializers import Input
from aggregator.api.service.source_settings import NewSourceInput, TrialStartedOutput, have_tried, new_source
from aggregator.api.service.view import ServiceView
from aggregator.record.completeness.words import failure_words
from aggregator.services.sources.list_sources import list_sources
from aggregator.services.sources.pause_source import pause_source
from aggregator.services.sources.read_source import read_source
from aggregator.services.sources.read_trial import read_trial
from aggregator.services.sources.registering import NewSource, mark_of
from aggregator.services.sources.resume_source import resume_source
from aggregator.services.sources.try_source import try_source


class PauseInput(Input):
    """Why a source is paused, or asked again."""

    reason = serializers.CharField()


class HealthOutput(serializers.Serializer[Any]):
    """How a source is. `success` is a share, and times are in milliseconds; null: not known.

    `reported` is how the source said that it was when it reported last; "": it has not.
    """

    state = serializers.CharField(source="judgement.condition.value")
    reasons = serializers.ListField(child=serializers.CharField(), source="judgement.reasons")
    since = serializers.DateTimeField()
    checked_at = serializers.DateTimeField(allow_null=True)
    success = serializers.FloatField(allow_null=True, source="traffic.success")
    p50_ms = serializers.FloatField(allow_null=True, source="traffic.p50_ms")
    p95_ms = serializers.FloatField(allow_null=True, source="traffic.p95_ms")
    breaker = serializers.CharField(source="traffic.breaker")
    last_error = serializers.CharField(source="traffic.failure")
    last_error_in_words = serializers.SerializerMethodField()
    last_error_at = serializers.DateTimeField(allow_null=True, source="traffic.failed_at")
    reported = serializers.SerializerMethodField()
    reported_at = serializers.DateTimeField(allow_null=True, source="reports.newest_at")
    message = serializers.CharField()

    def get_last_error_in_words(self, health: Any) -> str:
        """Return how the newest request ended that it failed, as pages say it."""
        return failure_words(health.traffic.failure) if health.traffic.failure else ""

    def get_reported(self, health: Any) -> str:
        """Return what it reported last of how it is."""
        return health.reports.recent[-1].value if health.reports.recent else ""


class SourceOutput(serializers.Serializer[Any]):
    """A source; `health` is null for one that has not been looked at yet."""

    id = serializers.UUIDField(source="source_id")
    slug = serializers.CharField()
    name = serializers.CharField()
    organisation = serializers.CharField(source="organisation_ods")
    kind = serializers.CharField()
    paused = serializers.SerializerMethodField()
    health = HealthOutput(allow_null=True)

    def get_paused(self, line: Any) -> bool:
        """Return whether it is not asked."""
        return not line.enabled


class ConditionOutput(serializers.Serializer[Any]):
    """From a moment on a source was in a state."""

    state = serializers.CharField(source="condition.value")
    reasons = serializers.ListField(child=serializers.CharField())
    at = serializers.DateTimeField()


class PauseOutput(serializers.Serializer[Any]):
    """Somebody paused a source, or had it asked again."""

    resumed = serializers.BooleanField(source="is_resumed")
    reason = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()


class SettingsOutput(serializers.Serializer[Any]):
    """How a source is asked. An option that is a secret is the secret's name.

    `mark` is other with other settings: who changes some says with it which they saw.
    """

    organisation_name = serializers.CharField()
    base_url = serializers.CharField()
    identifier_system = serializers.CharField()
    time_limit_s = serializers.FloatField()
    requests_per_minute = serializers.IntegerField(allow_null=True)
    freshness_s = serializers.IntegerField()
    rank = serializers.IntegerField()
    options = serializers.DictField(child=serializers.CharField())
    holds = serializers.SerializerMethodField()
    discloses = serializers.SerializerMethodField()
    mark = serializers.SerializerMethodField()

    def get_holds(self, settings: NewSource) -> list[str] | None:
        """Return what it may hold; null: all that its kind can give."""
        return sorted(settings.holds) if settings.holds else None

    def get_discloses(self, settings: NewSource) -> str:
        """Return the sensitive matter that its name alone tells of."""
        return settings.discloses or ""

    def get_mark(self, settings: NewSource) -> str:
        """Return the mark of these settings."""
        return mark_of(settings)


class OneSourceOutput(serializers.Serializer[Any]):
    """One source with its history; `linked` is how many people are linked to it.

    `report_token_made_at` null: it has no token, so nobody reports for it.
    """

    id = serializers.UUIDField(source="source_id")
    slug = serializers.CharField(source="settings.slug")
    name = serializers.CharField(source="settings.name")
    organisation = serializers.CharField(source="settings.organisation_ods")
    kind = serializers.CharField(source="settings.kind")
    paused = serializers.SerializerMethodField()
    settings = SettingsOutput()
    report_token_made_at = serializers.DateTimeField(allow_null=True, source="token_made_at")
    health = HealthOutput(allow_null=True)
    history = ConditionOutput(many=True)
    pauses = PauseOutput(many=True)
    linked = serializers.IntegerField()

    def get_paused(self, view: Any) -> bool:
        """Return whether it is not asked."""
        return not view.enabled


class StepOutput(serializers.Serializer[Any]):
    """One step of a trial."""

    step = serializers.CharField(source="step.value")
    state = serializers.CharField(source="state.value")
    detail = serializers.CharField()
    took_ms = serializers.IntegerField(allow_null=True)


class TrialOutput(serializers.Serializer[Any]):
    """A trial; `good` is null while it has not ended.

    `lost`: nothing will come of it any more. `can_be_saved`: these settings went well, and may be saved by the
    requester still; `in_use`: the source is registered so now.
    """

    id = serializers.UUIDField(source="trial.id")
    good = serializers.BooleanField(allow_null=True, source="trial.is_good")
    description = serializers.CharField(source="trial.description")
    ended_at = serializers.DateTimeField(allow_null=True, source="trial.ended_at")
    steps = StepOutput(many=True, source="trial.steps")
    lost = serializers.BooleanField(source="is_lost")
    can_be_saved = serializers.BooleanField()
    in_use = serializers.BooleanField(source="is_in_use")


class Sources(ServiceView):
    """The sources."""

    @extend_schema(operation_id="sources_list", responses=SourceOutput(many=True))
    def get(self, request: Request) -> Response:
        """Return every source and how it is."""
        self.query()
        return Response(SourceOutput(list_sources(requester=self.requester, now=timezone.now()), many=True).data)

    @extend_schema(operation_id="source_add", request=NewSourceInput, responses={202: TrialStartedOutput})
    def post(self, request: Request) -> Response:
        """Have a new source tried. It is registered by saving the trial, once that went well."""
        self.query()
        source = new_source(self.body(NewSourceInput), requester=self.requester)
        return have_tried(source, requester=self.requester, now=timezone.now())


class OneSource(ServiceView):
    """One source."""

    @extend_schema(operation_id="source_read", responses=OneSourceOutput)
    def get(self, request: Request, source_id: UUID) -> Response:
        """Return how a source is and was."""
        self.query()
        view = read_source(requester=self.requester, source_id=source_id, now=timezone.now())
        return Response(OneSourceOutput(view).data)


class PauseSource(ServiceView):
    """Pausing a source."""

    @extend_schema(request=PauseInput, responses={204: None})
    def post(self, request: Request, source_id: UUID) -> Response:
        """Pause a source."""
        self.query()
        pause_source(requester=self.requester, source_id=source_id, now=timezone.now(), **self.body(PauseInput))
        return Response(status=204)


class ResumeSource(ServiceView):
    """Asking a paused source again."""

    @extend_schema(request=PauseInput, responses={204: None})
    def post(self, request: Request, source_id: UUID) -> Response:
        """Have a source asked again."""
        self.query()
        resume_source(requester=self.requester, source_id=source_id, now=timezone.now(), **self.body(PauseInput))
        return Response(status=204)


class TrySource(ServiceView):
    """A trial of a source."""

    @extend_schema(request=None, responses={202: TrialStartedOutput})
    def post(self, request: Request, source_id: UUID) -> Response:
        """Have a source tried step by step."""
        self.query()
        trial_id = try_source(requester=self.requester, source_id=source_id, now=timezone.now())
        return Response({"trial": str(trial_id)}, status=202)


class SourceTrial(ServiceView):
    """How a trial goes."""

    @extend_schema(operation_id="source_trial_read", responses=TrialOutput)
    def get(self, request: Request, trial_id: UUID) -> Response:
        """Return how far a trial has come."""
        self.query()
        view = read_trial(requester=self.requester, trial_id=trial_id, now=timezone.now())
        return Response(TrialOutput(view).data)
