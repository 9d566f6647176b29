"""How a source is asked, over the service API: one is added or changed once it was tried. And the token of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.accounts.requester import Requester
from aggregator.api.service.relationships import RecordedId
from aggregator.api.service.serializers import Input, Number, Text, WholeNumber
from aggregator.api.service.view import ServiceView
from aggregator.errors import Invalid
from aggregator.services.sources.check_sources import check_sources
from aggregator.services.sources.end_report_token import end_report_token
from aggregator.services.sources.make_report_token import make_report_token
from aggregator.services.sources.read_source import read_source
from aggregator.services.sources.registering import NewSource, categories_of, mark_of, sensitivity_of
from aggregator.services.sources.save_tried_source import save_tried_source
from aggregator.services.sources.try_new_source import try_new_source

MOST_OPTION, MOST_CATEGORIES, MOST_MARK = 1000, 100, 64
# The inputs that are named otherwise than the settings that they are.
_INPUT_OF = {"organisation_ods": "organisation"}


class SettingsInput(Input):
    """How a source is asked; the service says which values it may have.

    `organisation` is an ODS code. `holds`: what it may hold; null, or not there: what it says of itself.
    """

    name = serializers.CharField(required=False, help_text="What users see.")
    kind = serializers.CharField(required=False, max_length=30)
    base_url = serializers.CharField(required=False, help_text="The address of its FHIR server, up to the FHIR base.")
    organisation = serializers.CharField(required=False)
    organisation_name = serializers.CharField(required=False, help_text="Only for an organisation that is not known.")
    identifier_system = serializers.CharField(required=False, allow_blank=True)
    time_limit_s = Number(required=False)
    requests_per_minute = WholeNumber(required=False, allow_null=True, help_text="Null: as many as are needed.")
    freshness_s = WholeNumber(required=False, help_text="For how long its answers are used again; 0: never.")
    rank = WholeNumber(required=False, help_text="Whose demographics are preferred, lower first.")
    options = serializers.DictField(
        child=Text(max_length=MOST_OPTION),
        required=False,
        help_text="As a whole; those that end in `_secret` name secrets and hold none.",
    )
    holds = serializers.ListField(
        child=Text(max_length=30), required=False, allow_null=True, max_length=MOST_CATEGORIES
    )
    discloses = serializers.CharField(
        required=False, allow_blank=True, help_text='The sensitive matter that its name alone tells of; "": none.'
    )


class NewSourceInput(SettingsInput):
    """A source that is to be new. `organisation` is by default the requester's own."""

    slug = serializers.CharField(help_text="Its short name, which stays.")
    name = serializers.CharField(help_text="What users see.")
    kind = serializers.CharField(max_length=30)
    base_url = serializers.CharField(help_text="The address of its FHIR server, up to the FHIR base.")


class ChangedSourceInput(SettingsInput):
    """Other settings of a source: what is not there stays as it is, but what the source may hold.

    `replaces` is the mark of the settings that they are to replace; by default of those that there are now.
    """

    replaces = serializers.CharField(required=False, max_length=MOST_MARK)


class TokenEndInput(Input):
    """Why a token is ended."""

    reason = serializers.CharField()


class TrialStartedOutput(serializers.Serializer[Any]):
    """A trial that was asked for."""

    trial = serializers.UUIDField()


class ReportTokenOutput(serializers.Serializer[Any]):
    """A token, which is given out this once, and the address to which its source reports."""

    token = serializers.CharField()
    address = serializers.CharField()


class ChangeSource(ServiceView):
    """A trial of a source with other settings."""

    @extend_schema(operation_id="source_change", request=ChangedSourceInput, responses={202: TrialStartedOutput})
    def post(self, request: Request, source_id: UUID) -> Response:
        """Have a source tried with other settings. They are in use once the trial, which must go well, is saved."""
        self.query()
        given = self.body(ChangedSourceInput)
        now = timezone.now()
        there_are = read_source(requester=self.requester, source_id=source_id, now=now).settings
        # The organisation is known: with another code its name would be given to another one.
        changed = replace(there_are, **{"organisation_name": "", "holds": None, **_settings_in(given)})
        return have_tried(
            changed, requester=self.requester, replaces=given.get("replaces", mark_of(there_are)), now=now
        )


class SaveTrial(ServiceView):
    """Settings that were tried well."""

    @extend_schema(operation_id="source_trial_save", request=None, responses=RecordedId)
    def post(self, request: Request, trial_id: UUID) -> Response:
        """Register the source, or change it, as it was tried; return its id."""
        self.query()
        source_id = save_tried_source(requester=self.requester, trial_id=trial_id, now=timezone.now())
        return Response(RecordedId({"id": source_id}).data)


class CheckSource(ServiceView):
    """A check of a source, sooner than it is due."""

    @extend_schema(operation_id="source_check", request=None, responses={204: None})
    def post(self, request: Request, source_id: UUID) -> Response:
        """Have a source checked within seconds."""
        self.query()
        check_sources(requester=self.requester, source_id=source_id, now=timezone.now())
        return Response(status=204)


class MakeReportToken(ServiceView):
    """The token with which a source reports."""

    @extend_schema(operation_id="source_token_make", request=None, responses={201: ReportTokenOutput})
    def post(self, request: Request, source_id: UUID) -> Response:
        """Make a token for a source; one that it had before ends."""
        self.query()
        token = make_report_token(requester=self.requester, source_id=source_id, now=timezone.now())
        address = settings.PUBLIC_URL.rstrip("/") + reverse("api-report-health", kwargs={"source_id": source_id})
        return Response(ReportTokenOutput({"token": token, "address": address}).data, status=201)


class EndReportToken(ServiceView):
    """The end of a source's token."""

    @extend_schema(operation_id="source_token_end", request=TokenEndInput, responses={204: None})
    def post(self, request: Request, source_id: UUID) -> Response:
        """End the token of a source: nobody can report for it any more."""
        self.query()
        end_report_token(requester=self.requester, source_id=source_id, now=timezone.now(), **self.body(TokenEndInput))
        return Response(status=204)


def have_tried(source: NewSource, /, *, requester: Requester, replaces: str = "", now: datetime) -> Response:
    """Have settings tried, and return the response that says as which trial.

    Raises: NotPermitted; Invalid naming the input.
    """
    try:
        trial_id = try_new_source(requester=requester, source=source, replaces=replaces, now=now)
    except Invalid as error:
        raise Invalid(str(error), code=error.code, field=_INPUT_OF.get(error.field, error.field)) from None
    return Response({"trial": str(trial_id)}, status=202)


def new_source(given: Mapping[str, Any], /, *, requester: Requester) -> NewSource:
    """Return the source that a body describes, by default of the requester's organisation.

    Raises: Invalid for a sensitive matter, or a category, that there is not.
    """
    own = {"organisation_ods": requester.organisation_ods, "organisation_name": ""}
    return NewSource(**{**own, **_settings_in(given)})


def _settings_in(given: Mapping[str, Any], /) -> dict[str, Any]:
    """Return the settings that a body has, by the names of `NewSource`.

    Raises: Invalid for a sensitive matter, or a category, that there is not.
    """
    values = {name: value for name, value in given.items() if name != "replaces"}
    if "organisation" in values:
        values["organisation_ods"] = values.pop("organisation").upper()
    if values.get("holds") is not None:
        values["holds"] = categories_of(values["holds"])
    if "discloses" in values:
        values["discloses"] = sensitivity_of(values["discloses"])
    return values
