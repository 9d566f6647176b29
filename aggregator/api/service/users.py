"""Accounts, roles and the changes that wait to be confirmed, over the service API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from aggregator.api.service.relationships import EndInput, RecordedId
from aggregator.api.service.serializers import Input, PageInput
from aggregator.api.service.view import ProposedOutput, ServiceView
from aggregator.services.changes.confirm_change import confirm_change
from aggregator.services.changes.list_changes import list_changes
from aggregator.services.changes.reject_change import reject_change
from aggregator.services.users.change_name import change_name
from aggregator.services.users.close_account import close_account
from aggregator.services.users.end_membership import end_membership
from aggregator.services.users.end_user_join import end_user_join
from aggregator.services.users.join_user import join_user
from aggregator.services.users.list_users import list_users
from aggregator.services.users.read_user import read_user
from aggregator.services.users.set_email import set_email


class UsersInput(PageInput):
    """Which accounts are asked for, in the address."""

    search = serializers.CharField(required=False, default="", max_length=100, allow_blank=True)
    unused = serializers.BooleanField(required=False, default=False)


class RoleInput(Input):
    """A role to be proposed. `organisation` is an ODS code, by default the requester's own."""

    role = serializers.CharField(max_length=30)
    organisation = serializers.CharField(required=False, default="", max_length=20)
    from_date = serializers.DateField(required=False, allow_null=True, default=None)
    reason = serializers.CharField()


class AccountInput(RoleInput):
    """An account to be proposed, with its first role."""

    username = serializers.CharField(max_length=150)
    title = serializers.CharField(required=False, default="", allow_blank=True, max_length=20)
    given = serializers.CharField(max_length=100)
    family = serializers.CharField(max_length=100)
    email = serializers.CharField(required=False, default="", allow_blank=True, max_length=254)


class EmailInput(Input):
    """Where alerts to somebody are sent; "" is nowhere."""

    email = serializers.CharField(allow_blank=True, max_length=254)


class NameInput(Input):
    """Another name for an account, and why it changes."""

    title = serializers.CharField(required=False, default="", allow_blank=True, max_length=20)
    given = serializers.CharField(max_length=100)
    family = serializers.CharField(max_length=100)
    reason = serializers.CharField()


class ReasonInput(Input):
    """Why something is not to be done, or ends."""

    reason = serializers.CharField()


class JoinInput(Input):
    """Which person a user is; `has_other_name`: the record is known to have another name than the account."""

    nhs_number = serializers.CharField(max_length=30)
    birth_date = serializers.DateField()
    has_other_name = serializers.BooleanField(required=False, default=False)
    note = serializers.CharField()


class MembershipOutput(serializers.Serializer[Any]):
    """A role of somebody in an organisation."""

    id = serializers.UUIDField(source="membership_id")
    role = serializers.CharField()
    organisation = serializers.CharField(source="organisation_ods")
    from_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    is_live = serializers.BooleanField()


class UserOutput(serializers.Serializer[Any]):
    """An account, with the roles that it has now."""

    id = serializers.UUIDField(source="user_id")
    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    last_sign_in_at = serializers.DateTimeField(allow_null=True)
    is_open = serializers.BooleanField()
    memberships = MembershipOutput(many=True)


class UserPageOutput(serializers.Serializer[Any]):
    """A page of accounts, of `count` in all."""

    users = UserOutput(many=True)
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()


class JoinOutput(serializers.Serializer[Any]):
    """That an account is that of a person in the index, who is not told here."""

    id = serializers.UUIDField()
    note = serializers.CharField()
    joined_at = serializers.DateTimeField()


class UserViewOutput(serializers.Serializer[Any]):
    """An account, with every role that it ever had where the requester may act; `join` null: it is not known whose."""

    user = UserOutput()
    memberships = MembershipOutput(many=True)
    join = JoinOutput(allow_null=True)


class ChangeOutput(serializers.Serializer[Any]):
    """A proposed change in words; `is_confirmed` is null until somebody decides."""

    id = serializers.UUIDField(source="change_id")
    words = serializers.CharField()
    organisation = serializers.CharField(source="organisation_name")
    reason = serializers.CharField()
    proposed_by = serializers.CharField()
    proposed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    is_own = serializers.BooleanField()
    is_confirmed = serializers.BooleanField(allow_null=True)
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)


class ChangesOutput(serializers.Serializer[Any]):
    """The changes that wait to be confirmed, oldest first, and those that were decided, most recent first."""

    waiting = ChangeOutput(many=True)
    decided = ChangeOutput(many=True)


class ConfirmedOutput(serializers.Serializer[Any]):
    """What a confirmed change made; `secret` is to be handed over, and given out this once."""

    id = serializers.UUIDField(source="made_id")
    secret = serializers.CharField()


class Users(ServiceView):
    """The accounts."""

    query_input = UsersInput

    @extend_schema(operation_id="users_list", parameters=[UsersInput], responses=UserPageOutput)
    def get(self, request: Request) -> Response:
        """Return a page of the accounts of the requester's organisation, or of all."""
        asked = self.query()
        found = list_users(
            requester=self.requester,
            search=asked["search"],
            is_unused=asked["unused"],
            page=asked["page"],
            now=timezone.now(),
        )
        return Response(UserPageOutput(found).data)


class ProposingView(ServiceView):
    """A view at which a role is proposed."""

    def propose_role(self, *, kind: str, terms: dict[str, str], given: dict[str, Any]) -> Response:
        """Propose a change of somebody's roles."""
        organisation = given["organisation"] or self.requester.organisation_ods
        role = {name: given[name] for name in ("role", "from_date", "reason")}
        return self.propose(kind=kind, terms={**terms, **role, "organisation_ods": organisation})


class ProposedAccounts(ProposingView):
    """Accounts that are proposed."""

    @extend_schema(request=AccountInput, responses={202: ProposedOutput})
    def post(self, request: Request) -> Response:
        """Propose an account; it is made once somebody else has confirmed it."""
        self.query()
        given = self.body(AccountInput)
        names = {name: given[name] for name in ("username", "given", "family", "email")}
        return self.propose_role(kind="add-account", terms={**names, "prefix": given["title"]}, given=given)


class User(ServiceView):
    """An account."""

    @extend_schema(responses=UserViewOutput)
    def get(self, request: Request, user_id: UUID) -> Response:
        """Return an account and its roles."""
        self.query()
        return Response(UserViewOutput(read_user(requester=self.requester, user_id=user_id, now=timezone.now())).data)


class ProposedRoles(ProposingView):
    """Roles that are proposed for somebody who has an account."""

    @extend_schema(request=RoleInput, responses={202: ProposedOutput})
    def post(self, request: Request, user_id: UUID) -> Response:
        """Propose a role; it is given once somebody else has confirmed it."""
        self.query()
        given = self.body(RoleInput)
        view = read_user(requester=self.requester, user_id=user_id, now=timezone.now())
        return self.propose_role(kind="add-membership", terms={"username": view.user.username}, given=given)


class Email(ServiceView):
    """Where alerts to somebody are sent."""

    @extend_schema(request=EmailInput, responses={204: None})
    def post(self, request: Request, user_id: UUID) -> Response:
        """Keep an address for an account, or none."""
        self.query()
        set_email(requester=self.requester, user_id=user_id, now=timezone.now(), **self.body(EmailInput))
        return Response(status=204)


class Name(ServiceView):
    """The name of an account."""

    @extend_schema(request=NameInput, responses={204: None})
    def post(self, request: Request, user_id: UUID) -> Response:
        """Give an account another name. What it was is kept."""
        self.query()
        change_name(requester=self.requester, user_id=user_id, now=timezone.now(), **self.body(NameInput))
        return Response(status=204)


class CloseAccount(ServiceView):
    """The end of an account."""

    @extend_schema(request=EndInput, responses={204: None})
    def post(self, request: Request, user_id: UUID) -> Response:
        """Close an account."""
        self.query()
        close_account(requester=self.requester, user_id=user_id, now=timezone.now(), **self.body(EndInput))
        return Response(status=204)


class JoinUser(ServiceView):
    """Which person a user is."""

    @extend_schema(request=JoinInput, responses={201: RecordedId})
    def post(self, request: Request, user_id: UUID) -> Response:
        """Join a user to the one person of this NHS number and date of birth. It gives nobody access to anything."""
        self.query()
        join_id = join_user(requester=self.requester, user_id=user_id, now=timezone.now(), **self.body(JoinInput))
        return Response(RecordedId({"id": join_id}).data, status=201)


class EndUserJoin(ServiceView):
    """The end of a user's join to a person."""

    @extend_schema(request=ReasonInput, responses={204: None})
    def post(self, request: Request, user_id: UUID) -> Response:
        """End it: it was the wrong person."""
        self.query()
        end_user_join(requester=self.requester, user_id=user_id, now=timezone.now(), **self.body(ReasonInput))
        return Response(status=204)


class EndMembership(ServiceView):
    """The end of a role."""

    @extend_schema(request=EndInput, responses={204: None})
    def post(self, request: Request, membership_id: UUID) -> Response:
        """End a role of somebody."""
        self.query()
        end_membership(requester=self.requester, membership_id=membership_id, now=timezone.now(), **self.body(EndInput))
        return Response(status=204)


class Changes(ServiceView):
    """The changes of access that wait to be confirmed."""

    @extend_schema(responses=ChangesOutput)
    def get(self, request: Request) -> Response:
        """Return the changes that wait, and those that were decided."""
        self.query()
        return Response(ChangesOutput(list_changes(requester=self.requester, now=timezone.now())).data)


class ConfirmChange(ServiceView):
    """The confirmation of a change."""

    @extend_schema(request=None, responses=ConfirmedOutput)
    def post(self, request: Request, change_id: UUID) -> Response:
        """Confirm a change that somebody else proposed."""
        self.query()
        applied = confirm_change(requester=self.requester, change_id=change_id, now=timezone.now())
        return Response(ConfirmedOutput(applied).data)


class RejectChange(ServiceView):
    """The rejection of a change."""

    @extend_schema(request=ReasonInput, responses={204: None})
    def post(self, request: Request, change_id: UUID) -> Response:
        """Reject a change, or withdraw one's own."""
        self.query()
        reject_change(requester=self.requester, change_id=change_id, now=timezone.now(), **self.body(ReasonInput))
        return Response(status=204)
