"""Emergency access over the service API: taken and ended by clinicians, and reviewed, with claims, by officers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.service.serializers import Input, PageInput
from aggregator.api.service.view import ServiceView
from aggregator.services.break_glass.end_break_glass import end_break_glass
from aggregator.services.break_glass.list_break_glass import list_break_glass
from aggregator.services.break_glass.open_break_glass import open_break_glass
from aggregator.services.break_glass.prepare_break_glass import prepare_break_glass
from aggregator.services.break_glass.read_break_glass import read_break_glass
from aggregator.services.break_glass.review_break_glass import review_break_glass


class OpeningInput(Input):
    """Why a record is needed now, what has happened, and the password of whoever has signed in, once more."""

    reason = serializers.CharField(max_length=30)
    note = serializers.CharField()
    # Not stripped: a password may begin or end with a space.
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class EmergencyReasonOutput(serializers.Serializer[Any]):
    """A reason for which a record may be opened in an emergency."""

    code = serializers.CharField(source="value")
    words = serializers.CharField()


class TermsOutput(serializers.Serializer[Any]):
    """What it entails to open a record in an emergency, to be shown before. `open_until` null: it is not open."""

    minutes = serializers.IntegerField()
    costs = serializers.ListField(child=serializers.CharField())
    reasons = EmergencyReasonOutput(many=True)
    open_until = serializers.DateTimeField(allow_null=True)
    access = serializers.UUIDField(source="access_id", allow_null=True)


class OpenedOutput(serializers.Serializer[Any]):
    """Emergency access that stands. The record itself is asked for at the FHIR interface, in the same session."""

    id = serializers.UUIDField()
    reason = serializers.CharField()
    opened_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class CasesInput(PageInput):
    """Whether cases that have been closed are asked for."""

    closed = serializers.BooleanField(required=False, default=False)


class ReviewInput(Input):
    """A verdict on a case, and what was found."""

    verdict = serializers.CharField(max_length=30)
    note = serializers.CharField()


class ReviewOutput(serializers.Serializer[Any]):
    """What an officer made of a case."""

    verdict = serializers.CharField()
    note = serializers.CharField()
    reviewed_at = serializers.DateTimeField()


class CaseOutput(serializers.Serializer[Any]):
    """A case. `opened` counts what was done with the record; `unknowns` is what could not be looked at."""

    id = serializers.UUIDField(source="access.id")
    kind = serializers.CharField(source="access.kind")
    user = serializers.UUIDField(source="access.user_id")
    user_name = serializers.CharField()
    organisation = serializers.CharField(source="organisation_name")
    person = serializers.UUIDField(source="access.person_id")
    reason = serializers.CharField(source="access.reason")
    note = serializers.CharField(source="access.note")
    began_at = serializers.DateTimeField(source="access.began_at")
    ends_at = serializers.DateTimeField(source="access.ends_at")
    age_in_days = serializers.IntegerField()
    opened = serializers.SerializerMethodField()
    signals = serializers.SerializerMethodField()
    unknowns = serializers.ListField(child=serializers.CharField())
    reviews = serializers.SerializerMethodField()
    is_own = serializers.BooleanField()
    is_closed = serializers.BooleanField()

    def get_opened(self, case: Any) -> dict[str, int]:
        """Return how often what was done."""
        return dict(case.opened)

    def get_signals(self, case: Any) -> list[dict[str, str]]:
        """Return what stands out."""
        return [{"kind": signal.kind, "words": signal.words} for signal in case.signals]

    @extend_schema_field(ReviewOutput(many=True))
    def get_reviews(self, case: Any) -> Any:
        """Return the reviews so far, in order."""
        return ReviewOutput([review for review, _ in case.reviews], many=True).data


class CasesOutput(serializers.Serializer[Any]):
    """One page of cases."""

    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    cases = CaseOutput(many=True)


class Emergency(ServiceView):
    """A record that is opened in an emergency. Machines are refused: it takes a session, and the user's password."""

    @extend_schema(responses=TermsOutput)
    def get(self, request: Request, person_id: UUID) -> Response:
        """Return what it entails, and for which reasons it may be done."""
        self.query()
        terms = prepare_break_glass(requester=self.requester, person_id=person_id, now=timezone.now())
        return Response(TermsOutput(terms).data)

    @extend_schema(request=OpeningInput, responses={201: OpenedOutput})
    def post(self, request: Request, person_id: UUID) -> Response:
        """Open the record to the requester for half an hour, or return the access of theirs that still stands."""
        self.query()
        access = open_break_glass(
            request=request._request,
            requester=self.requester,
            person_id=person_id,
            now=timezone.now(),
            **self.body(OpeningInput),
        )
        return Response(OpenedOutput(access).data, status=201)


class EndEmergency(ServiceView):
    """The end of emergency access."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, access_id: UUID) -> Response:
        """End emergency access that the requester took in the role in which they act."""
        self.query()
        end_break_glass(requester=self.requester, access_id=access_id, now=timezone.now())
        return Response(status=204)


class Cases(ServiceView):
    """Access that waits for review, or that has been reviewed."""

    query_input = CasesInput

    @extend_schema(operation_id="emergencies_list", parameters=[CasesInput], responses=CasesOutput)
    def get(self, request: Request) -> Response:
        """Return the cases, the oldest first; of those that have been closed, the latest first."""
        asked = self.query()
        listed = list_break_glass(
            requester=self.requester, is_closed=asked["closed"], page=asked["page"], now=timezone.now()
        )
        return Response(CasesOutput(listed).data)


class Case(ServiceView):
    """One case."""

    @extend_schema(responses=CaseOutput)
    def get(self, request: Request, access_id: UUID) -> Response:
        """Return a case."""
        self.query()
        case = read_break_glass(requester=self.requester, access_id=access_id, now=timezone.now())
        return Response(CaseOutput(case).data)


class ReviewCase(ServiceView):
    """The review of a case."""

    @extend_schema(request=ReviewInput, responses={204: None})
    def post(self, request: Request, access_id: UUID) -> Response:
        """Give a verdict. What is not appropriate ends at once, where it still stands."""
        self.query()
        review_break_glass(requester=self.requester, access_id=access_id, now=timezone.now(), **self.body(ReviewInput))
        return Response(status=204)
