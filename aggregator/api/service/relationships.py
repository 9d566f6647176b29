"""Relationships over the service API: recorded, changed, claimed and ended; who has access, and whom a user reaches."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.accounts.roles import Role
from aggregator.api.service.serializers import Input, PageInput
from aggregator.api.service.view import ProposedOutput, ServiceView
from aggregator.services.relationships.claim_relationship import claim_relationship
from aggregator.services.relationships.end_relationship import end_relationship
from aggregator.services.relationships.list_access import list_access
from aggregator.services.relationships.list_reach import list_reach
from aggregator.services.relationships.list_relationships import list_relationships


class DaysInput(Input):
    """From when until when; `until_date` is the last day, and null or absent: until it is ended."""

    from_date = serializers.DateField()
    until_date = serializers.DateField(required=False, allow_null=True, default=None)


class RelationshipInput(DaysInput):
    """A relationship to be recorded; `organisation` is an ODS code, by default the requester's own."""

    kind = serializers.CharField(max_length=30)
    reason = serializers.CharField()
    organisation = serializers.CharField(required=False, default="", max_length=20)


class ChangedRelationshipInput(DaysInput):
    """What a relationship is to be from now on."""

    kind = serializers.CharField(max_length=30)
    reason = serializers.CharField()


class ClaimInput(Input):
    """Why a patient is in the requester's care."""

    reason = serializers.CharField()


class EndInput(Input):
    """Why something ends, and its last day; null or absent: it ends at once."""

    reason = serializers.CharField()
    last_day = serializers.DateField(required=False, allow_null=True, default=None)


class ReachInput(PageInput):
    """Whose reach is asked for, by user name."""

    username = serializers.CharField(max_length=150)


class RecordedId(serializers.Serializer[Any]):
    """What was recorded."""

    id = serializers.UUIDField()


class RelationshipOutput(serializers.Serializer[Any]):
    """A relationship. `expires_or_ends_at` is when it was or will be ended, or expires; null: not known."""

    id = serializers.UUIDField()
    kind = serializers.CharField(source="terms.kind")
    organisation = serializers.CharField(source="organisation_name")
    user = serializers.CharField(source="user_name")
    from_date = serializers.DateField(source="terms.from_date")
    until_date = serializers.DateField(source="terms.until_date", allow_null=True)
    expires_or_ends_at = serializers.DateTimeField(source="terms.ends_at", allow_null=True)
    state = serializers.CharField()
    reason = serializers.CharField()
    end_reason = serializers.CharField()
    care_team = serializers.UUIDField(source="team_id", allow_null=True)


class RelationshipsOutput(serializers.Serializer[Any]):
    """`is_whole` false: of the requester's own organisation only."""

    relationships = RelationshipOutput(many=True)
    is_whole = serializers.BooleanField()


class RoleOutput(serializers.Serializer[Any]):
    """How many users have access in one role of one organisation."""

    organisation = serializers.CharField(source="organisation_name")
    role = serializers.ChoiceField(choices=[(role.value, role.words) for role in Role])
    users = serializers.IntegerField()


class RefusedRoleOutput(serializers.Serializer[Any]):
    """A role in which users care for the patient and are kept out, and why."""

    role = RoleOutput()
    reason = serializers.CharField()


class UserAccessOutput(serializers.Serializer[Any]):
    """A user who could open the record now, in one role."""

    user_id = serializers.UUIDField()
    user_name = serializers.CharField()
    organisation = serializers.CharField(source="organisation_name")
    role = serializers.CharField()
    relationships = serializers.ListField(child=serializers.CharField(), source="kinds")


class SystemAccessOutput(serializers.Serializer[Any]):
    """A registered system whose organisation cares for the patient; `reason`: why it reads nothing now, or empty."""

    client_id = serializers.CharField(source="oauth_id")
    name = serializers.CharField()
    organisation = serializers.CharField(source="organisation_name")
    scopes = serializers.CharField()
    relationships = serializers.ListField(child=serializers.CharField(), source="kinds")
    reason = serializers.CharField()


class EmergencyOutput(serializers.Serializer[Any]):
    """A user to whom the record is open in an emergency."""

    user_name = serializers.CharField()
    organisation = serializers.CharField(source="organisation_name")
    reason = serializers.CharField()
    ends_at = serializers.DateTimeField()


class AccessOutput(serializers.Serializer[Any]):
    """Who could open a patient's record now; `is_whole` false: of the requester's own organisation only."""

    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    roles = RoleOutput(many=True)
    refused = RefusedRoleOutput(many=True)
    users = UserAccessOutput(many=True)
    systems = SystemAccessOutput(many=True)
    emergencies = EmergencyOutput(many=True)
    is_whole = serializers.BooleanField()


class ReachedOutput(serializers.Serializer[Any]):
    """A patient whom a user can reach."""

    person = serializers.UUIDField(source="person.person_id")
    relationships = serializers.ListField(child=serializers.CharField(), source="kinds")


class ReachOutput(serializers.Serializer[Any]):
    """Whom a user can reach; `people` null: the requester may not know who they are."""

    user_name = serializers.CharField()
    count = serializers.IntegerField()
    by_kind = serializers.DictField(child=serializers.IntegerField())
    people = ReachedOutput(many=True, allow_null=True)
    page = serializers.IntegerField()
    pages = serializers.IntegerField()


class PersonRelationships(ServiceView):
    """Who cares for a patient."""

    @extend_schema(responses=RelationshipsOutput)
    def get(self, request: Request, person_id: UUID) -> Response:
        """Return the relationships with a patient."""
        self.query()
        listed = list_relationships(requester=self.requester, person_id=person_id, now=timezone.now())
        return Response(RelationshipsOutput(listed).data)

    @extend_schema(request=RelationshipInput, responses={202: ProposedOutput})
    def post(self, request: Request, person_id: UUID) -> Response:
        """Propose to record that an organisation cares for a patient."""
        self.query()
        given = self.body(RelationshipInput)
        organisation = given.pop("organisation") or self.requester.organisation_ods
        terms = {"person_id": person_id, "organisation_ods": organisation, **given}
        return self.propose(kind="record-relationship", terms=terms)


class Claims(ServiceView):
    """Claims that a patient is in the requester's care."""

    @extend_schema(request=ClaimInput, responses={201: RecordedId})
    def post(self, request: Request, person_id: UUID) -> Response:
        """Claim that a patient is in the requester's care. It is recorded and reviewed."""
        self.query()
        reason = self.body(ClaimInput)["reason"]
        claim = claim_relationship(requester=self.requester, person_id=person_id, reason=reason, now=timezone.now())
        return Response(RecordedId({"id": claim}).data, status=201)


class EndRelationship(ServiceView):
    """The end of a relationship."""

    @extend_schema(request=EndInput, responses={204: None})
    def post(self, request: Request, relationship_id: UUID) -> Response:
        """End a relationship."""
        self.query()
        end_relationship(
            requester=self.requester, relationship_id=relationship_id, now=timezone.now(), **self.body(EndInput)
        )
        return Response(status=204)


class ChangeRelationship(ServiceView):
    """The change of a relationship."""

    @extend_schema(request=ChangedRelationshipInput, responses={202: ProposedOutput})
    def post(self, request: Request, relationship_id: UUID) -> Response:
        """Propose to end a relationship and to record another in its place."""
        self.query()
        terms = {"relationship_id": relationship_id, **self.body(ChangedRelationshipInput)}
        return self.propose(kind="change-relationship", terms=terms)


class PersonAccess(ServiceView):
    """Who has access to a patient's record."""

    query_input = PageInput

    @extend_schema(parameters=[PageInput], responses=AccessOutput)
    def get(self, request: Request, person_id: UUID) -> Response:
        """Return who could open a patient's record now, and why."""
        listed = list_access(requester=self.requester, person_id=person_id, now=timezone.now(), **self.query())
        return Response(AccessOutput(listed).data)


class UserReach(ServiceView):
    """Whom a user can reach."""

    query_input = ReachInput

    @extend_schema(parameters=[ReachInput], responses=ReachOutput)
    def get(self, request: Request) -> Response:
        """Return how many patients a user can reach, by which relationships, and who they are."""
        reach = list_reach(requester=self.requester, now=timezone.now(), **self.query())
        return Response(ReachOutput(reach).data)
