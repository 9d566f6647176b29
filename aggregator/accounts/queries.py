"""Reads of accounts: who may act as what, now."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from aggregator.accounts.clients import RegisteredClient
from aggregator.accounts.models import AccessEnd, Client, Membership, Organisation, User
from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import PERMISSIONS, Permission, Role, role_may
from aggregator.accounts.scopes import read_scopes
from aggregator.composed import composed_once

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations  # for the type checker alone


class _End(TypedDict):
    end: datetime | None


def has_ended(*, of: str, now: datetime) -> Exists:
    """Return the condition that what a row names by the field `of` has ended by `now`, or by the database's clock.

    Ends are recorded by the database's clock: one that has been committed is in force for every process, however
    its own clock stands.
    """
    return Exists(AccessEnd.objects.filter(Q(ends_at__lte=now) | Q(ends_at__lte=Now()), of_id=OuterRef(of)))


def live_memberships(*, now: datetime) -> QuerySet[Membership]:
    """Return the memberships that have begun and not ended, of accounts that have not been closed."""
    return Membership.objects.filter(
        ~has_ended(of="id", now=now), ~has_ended(of="user_id", now=now), from_at__lte=now, user__is_active=True
    )


def still_acts(*, requester: Requester, now: datetime) -> bool:
    """Return whether a requester's membership, or registration as a client, is in force; False for who has neither."""
    if requester.membership_id is not None:
        return bool(_live_membership(membership_id=requester.membership_id, now=now))
    if requester.client_id is not None:
        return bool(_live_client(client_id=requester.client_id, now=now))
    return False


@composed_once
def _live_membership(*, membership_id: UUID, now: datetime) -> QuerySet[Membership, UUID]:
    return live_memberships(now=now).filter(id=membership_id).values_list("id", flat=True)


@composed_once
def _live_client(*, client_id: UUID, now: datetime) -> QuerySet[Client, UUID]:
    return Client.objects.filter(~has_ended(of="id", now=now), id=client_id).values_list("id", flat=True)


def members_at(*, organisation_id: UUID, at: datetime) -> QuerySet[Membership]:
    """Return the memberships of an organisation that had begun and not ended at a moment, which may be long ago."""
    ended = AccessEnd.objects.filter(ends_at__lte=at)
    return Membership.objects.filter(
        ~Exists(ended.filter(of_id=OuterRef("id"))),
        ~Exists(ended.filter(of_id=OuterRef("user_id"))),
        organisation_id=organisation_id,
        from_at__lte=at,
    )


def requesters_for(*, user_id: UUID, now: datetime, purpose: PurposeOfUse | None = None) -> tuple[Requester, ...]:
    """Return as whom a user may act: one requester per live membership, by organisation and role.

    Without a `purpose`, who may see records acts for treatment, and everybody else to run the service.
    Read again for every request, so that the end of a membership takes effect at once.
    """
    return _requesters(_memberships_of_user(user_id=user_id, now=now), purpose=purpose)


@composed_once
def _memberships_of_user(*, user_id: UUID, now: datetime) -> QuerySet[Membership]:
    return _as_listed(live_memberships(now=now).filter(user_id=user_id))


def requesters_of_organisation(*, organisation_id: UUID, now: datetime) -> tuple[Requester, ...]:
    """Return as whom the users of an organisation may act there, for treatment."""
    memberships = live_memberships(now=now).filter(organisation_id=organisation_id)
    return _requesters(_as_listed(memberships), purpose=PurposeOfUse.TREATMENT)


def _as_listed(memberships: QuerySet[Membership], /) -> QuerySet[Membership]:
    return memberships.select_related("user", "organisation").order_by(
        "organisation__name", "organisation__ods_code", "role", "from_at", "id"
    )


def _requesters(memberships: Iterable[Membership], /, *, purpose: PurposeOfUse | None) -> tuple[Requester, ...]:
    return tuple(
        Requester(
            user_id=membership.user.id,
            membership_id=membership.id,
            family=membership.user.family,
            given=membership.user.given,
            prefix=membership.user.prefix,
            sds_user_id=membership.user.sds_user_id,
            sds_role_profile_id=membership.sds_role_profile_id,
            organisation_id=membership.organisation.id,
            organisation_ods=membership.organisation.ods_code,
            organisation_name=membership.organisation.name,
            role=Role(membership.role),
            purpose=purpose or _purpose_of(Role(membership.role)),
        )
        for membership in memberships
    )


def users_who_may(*, permission: Permission, organisation_id: UUID | None, now: datetime) -> frozenset[UUID]:
    """Return the users who may do something at an organisation; None: for any organisation."""
    needed = {permission} if organisation_id is not None else {permission, Permission.ANY_ORGANISATION}
    roles = [role for role, permissions in PERMISSIONS.items() if needed <= permissions]
    memberships = live_memberships(now=now).filter(role__in=roles)
    if organisation_id is not None:
        memberships = memberships.filter(organisation_id=organisation_id)
    return frozenset(memberships.values_list("user_id", flat=True))


def email_of_user(*, user_id: UUID) -> str:
    """Return where alerts to an account are sent; "" for nowhere."""
    return User.objects.filter(id=user_id).values_list("email", flat=True).first() or ""


def user_id_for(*, username: str) -> UUID | None:
    """Return the account of this name, open or closed."""
    return User.objects.filter(username=username).values_list("id", flat=True).first()


def names_of_users(*, user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the given and family names of accounts, open or closed, by id."""
    return {user.id: f"{user.given} {user.family}" for user in User.objects.filter(id__in=list(user_ids))}


def given_and_family(*, user_id: UUID) -> tuple[str, str]:
    """Return the given and the family name of an account, open or closed, each "" for none."""
    return User.objects.filter(id=user_id).values_list("given", "family").first() or ("", "")


def name_of_organisation(*, organisation_id: UUID) -> str:
    """Return the name of an organisation; "" for none."""
    return Organisation.objects.filter(id=organisation_id).values_list("name", flat=True).first() or ""


def name_of_user(*, user_id: UUID) -> str:
    """Return the given and family name of an account, open or closed; "" for none."""
    return names_of_users(user_ids=[user_id]).get(user_id, "")


def earliest_end(*, of_id: UUID) -> datetime | None:
    """Return when something ends that gives access; None while no end is known."""
    return AccessEnd.objects.filter(of_id=of_id).order_by("ends_at").values_list("ends_at", flat=True).first()


def membership_by_id(*, membership_id: UUID) -> Membership | None:
    """Return a membership, whether or not it has ended."""
    return Membership.objects.filter(id=membership_id).first()


def names_of_organisations(*, ods_codes: Iterable[str]) -> dict[str, str]:
    """Return the names of organisations by their ODS codes."""
    rows = Organisation.objects.filter(ods_code__in=list(ods_codes))
    return {row.ods_code: row.name for row in rows}


def organisation_by_code(*, ods_code: str) -> Organisation | None:
    """Return the organisation with an ODS code."""
    return Organisation.objects.filter(ods_code=ods_code).first()


def _purpose_of(role: Role) -> PurposeOfUse:
    sees_records = role_may(role=role, permission=Permission.VIEW_RECORD)
    return PurposeOfUse.TREATMENT if sees_records else PurposeOfUse.OPERATIONS


def live_client(*, client_id: UUID, now: datetime) -> RegisteredClient | None:
    """Return a registered client that has not been ended, by the id that is ours."""
    return _one_client(_clients().filter(~has_ended(of="id", now=now), id=client_id))


def live_client_named(*, oauth_id: str, now: datetime) -> RegisteredClient | None:
    """Return a registered client that has not been ended, by the id that OAuth knows it by."""
    return _one_client(_clients().filter(~has_ended(of="id", now=now), oauth_id=oauth_id))


def client_named(*, oauth_id: str) -> RegisteredClient | None:
    """Return a registered client, ended or not, by the id that OAuth knows it by."""
    return _one_client(_clients().filter(oauth_id=oauth_id))


def all_clients() -> list[RegisteredClient]:
    """Return every client that was ever registered, by organisation and name."""
    return [_as_client(row) for row in _clients().order_by("organisation__name", "name", "oauth_id")]


def live_clients_of(*, organisation_ids: Collection[UUID], now: datetime) -> list[RegisteredClient]:
    """Return the clients of these organisations that have not been ended, by organisation and name."""
    rows = _clients().filter(~has_ended(of="id", now=now), organisation_id__in=organisation_ids)
    return [_as_client(row) for row in rows.order_by("organisation__name", "name", "oauth_id")]


def oauth_id_is_taken(*, oauth_id: str) -> bool:
    """Return whether a client, ended or not, goes by this id."""
    return Client.objects.filter(oauth_id=oauth_id).exists()


def first_end() -> Subquery:
    """Return, for rows of what can be ended, the moment at which each ends or has ended; NULL while nobody has said."""
    return Subquery(AccessEnd.objects.filter(of_id=OuterRef("id")).order_by("ends_at").values("ends_at")[:1])


def _clients() -> QuerySet[WithAnnotations[Client, _End]]:
    return Client.objects.select_related("organisation").annotate(end=first_end())


def _one_client(rows: QuerySet[WithAnnotations[Client, _End]]) -> RegisteredClient | None:
    row = rows.first()
    return _as_client(row) if row else None


def _as_client(row: WithAnnotations[Client, _End]) -> RegisteredClient:
    return RegisteredClient(
        id=row.id,
        oauth_id=row.oauth_id,
        name=row.name,
        organisation_id=row.organisation.id,
        organisation_ods=row.organisation.ods_code,
        organisation_name=row.organisation.name,
        key_set=b"" if row.key_set is None else json.dumps(row.key_set).encode(),
        key_set_url=row.key_set_url,
        scopes=read_scopes(text=row.scopes),
        registered_at=row.registered_at,
        ends_at=row.end,
    )
