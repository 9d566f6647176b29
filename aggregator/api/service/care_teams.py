"""Care teams over the service API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.service.relationships import DaysInput, EndInput, RecordedId
from aggregator.api.service.serializers import Input, PageInput
from aggregator.api.service.view import ServiceView
from aggregator.services.care_teams.add_care_team import add_care_team
from aggregator.services.care_teams.add_care_team_member import add_care_team_member
from aggregator.services.care_teams.add_care_team_patient import add_care_team_patient
from aggregator.services.care_teams.end_care_team import end_care_team
from aggregator.services.care_teams.end_care_team_member import end_care_team_member
from aggregator.services.care_teams.end_care_team_patient import end_care_team_patient
from aggregator.services.care_teams.list_care_teams import list_care_teams
from aggregator.services.care_teams.read_care_team import read_care_team


class CareTeamInput(Input):
    """A care team to be added; `organisation` is an ODS code, by default the requester's own."""

    name = serializers.CharField()
    organisation = serializers.CharField(required=False, default="", max_length=20)


class MemberInput(DaysInput):
    """A user who is to have a place in a care team."""

    username = serializers.CharField(max_length=150)


class PatientInput(DaysInput):
    """A patient whom a care team is to care for."""

    person = serializers.UUIDField()


class CareTeamOutput(serializers.Serializer[Any]):
    """A care team, and how many users and patients it has now."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    organisation = serializers.CharField(source="organisation_name")
    members = serializers.IntegerField(source="member_count")
    patients = serializers.IntegerField(source="patient_count")
    ends_at = serializers.DateTimeField(allow_null=True)


class PartOutput(serializers.Serializer[Any]):
    """A member of a care team or a patient of it; `of` is the user's or the person's id."""

    id = serializers.UUIDField()
    of = serializers.UUIDField(source="of_id")
    from_date = serializers.DateField(source="terms.from_date")
    until_date = serializers.DateField(source="terms.until_date", allow_null=True)
    ends_at = serializers.DateTimeField(source="terms.ends_at", allow_null=True)
    state = serializers.CharField()


class CareTeamViewOutput(serializers.Serializer[Any]):
    """A care team with all its members and one page of its patients."""

    team = CareTeamOutput()
    members = PartOutput(many=True)
    patients = PartOutput(many=True)
    page = serializers.IntegerField()
    pages = serializers.IntegerField()


class CareTeams(ServiceView):
    """The care teams."""

    @extend_schema(responses=CareTeamOutput(many=True))
    def get(self, request: Request) -> Response:
        """Return the care teams of the requester's organisation, or of all."""
        self.query()
        teams = list_care_teams(requester=self.requester, now=timezone.now())
        return Response(CareTeamOutput(teams, many=True).data)

    @extend_schema(request=CareTeamInput, responses={201: RecordedId})
    def post(self, request: Request) -> Response:
        """Add a care team."""
        self.query()
        given = self.body(CareTeamInput)
        team_id = add_care_team(
            requester=self.requester,
            name=given["name"],
            organisation_ods=given["organisation"],
            now=timezone.now(),
        )
        return Response(RecordedId({"id": team_id}).data, status=201)


class CareTeam(ServiceView):
    """A care team."""

    query_input = PageInput

    @extend_schema(parameters=[PageInput], responses=CareTeamViewOutput)
    def get(self, request: Request, team_id: UUID) -> Response:
        """Return a care team, its members and its patients."""
        view = read_care_team(requester=self.requester, team_id=team_id, now=timezone.now(), **self.query())
        return Response(CareTeamViewOutput(view).data)


class EndCareTeam(ServiceView):
    """The end of a care team."""

    @extend_schema(request=EndInput, responses={204: None})
    def post(self, request: Request, team_id: UUID) -> Response:
        """End a care team."""
        self.query()
        end_care_team(requester=self.requester, team_id=team_id, now=timezone.now(), **self.body(EndInput))
        return Response(status=204)


class CareTeamMembers(ServiceView):
    """The members of a care team."""

    @extend_schema(request=MemberInput, responses={201: RecordedId})
    def post(self, request: Request, team_id: UUID) -> Response:
        """Give a user a place in a care team."""
        self.query()
        place_id = add_care_team_member(
            requester=self.requester, team_id=team_id, now=timezone.now(), **self.body(MemberInput)
        )
        return Response(RecordedId({"id": place_id}).data, status=201)


class EndCareTeamMember(ServiceView):
    """The end of a place in a care team."""

    @extend_schema(request=EndInput, responses={204: None})
    def post(self, request: Request, team_id: UUID, place_id: UUID) -> Response:
        """End a user's place in a care team."""
        self.query()
        end_care_team_member(
            requester=self.requester, team_id=team_id, place_id=place_id, now=timezone.now(), **self.body(EndInput)
        )
        return Response(status=204)


class CareTeamPatients(ServiceView):
    """The patients of a care team."""

    @extend_schema(request=PatientInput, responses={201: RecordedId})
    def post(self, request: Request, team_id: UUID) -> Response:
        """Record a patient of a care team."""
        self.query()
        given = self.body(PatientInput)
        patient_id = add_care_team_patient(
            requester=self.requester,
            team_id=team_id,
            person_id=given["person"],
            from_date=given["from_date"],
            until_date=given["until_date"],
            now=timezone.now(),
        )
        return Response(RecordedId({"id": patient_id}).data, status=201)


class EndCareTeamPatient(ServiceView):
    """The end of a care team's care for a patient."""

    @extend_schema(request=EndInput, responses={204: None})
    def post(self, request: Request, team_id: UUID, patient_id: UUID) -> Response:
        """End a care team's care for a patient."""
        self.query()
        end_care_team_patient(
            requester=self.requester,
            team_id=team_id,
            patient_id=patient_id,
            now=timezone.now(),
            **self.body(EndInput),
        )
        return Response(status=204)
