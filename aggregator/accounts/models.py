"""Organisations, the people who use the service, and what each may be where."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils import timezone

from aggregator.accounts.ends import Ends
from aggregator.accounts.roles import MEMBERSHIP_ROLES
from aggregator.accounts.scopes import MAX_SCOPES_LENGTH


class Organisation(models.Model):
    """A body that gives care, by its Organisation Data Service code."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ods_code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=200)

    class Meta:
        db_table = "organisation"

    def __str__(self) -> str:
        return self.ods_code


class User(AbstractBaseUser):
    """Somebody who signs in. `sds_user_id` is the national identity; empty for a local account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=150, unique=True)
    family = models.CharField(max_length=100)
    given = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, blank=True)
    sds_user_id = models.CharField(max_length=20, blank=True)
    # Where alerts are sent; "" for nowhere.
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    # The sessions that are its own, in the order of signing in. A trigger empties it when `is_active` changes.
    session_keys = models.JSONField(default=list)

    objects = BaseUserManager["User"]()
    USERNAME_FIELD = "username"

    class Meta:
        db_table = "user"

    def __str__(self) -> str:
        return str(self.id)


class FormerName(models.Model):
    """A name that an account had, until it was changed. Rows are never changed or deleted, as triggers see to."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="former_names")
    family = models.CharField(max_length=100)
    given = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, blank=True)
    reason = models.TextField()
    changed_by = models.UUIDField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "former_name"


class Membership(models.Model):
    """A user's role in an organisation, from a moment on until an `AccessEnd` of it. `added_by`: the user who did."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    role = models.CharField(max_length=30, choices=[(role.value, role.value) for role in MEMBERSHIP_ROLES])
    sds_role_profile_id = models.CharField(max_length=20, blank=True)
    from_at = models.DateTimeField(default=timezone.now)
    added_at = models.DateTimeField(default=timezone.now)
    added_by = models.UUIDField(null=True)

    class Meta:
        db_table = "membership"
        indexes: ClassVar = [models.Index(fields=["organisation", "role"], name="membership_organisation_role")]


class AccessEnd(models.Model):
    """The end of something that gives access, or says who a user is, by its id. `ends_at` is never before the row.

    Rows are written by `record_end()` alone, with the event that tells of it, so that neither is there without the
    other.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField(choices=[(kind.value, kind.value) for kind in Ends])
    of_id = models.UUIDField()
    ends_at = models.DateTimeField()
    reason = models.TextField()
    recorded_at = models.DateTimeField()
    recorded_by = models.UUIDField(null=True)

    class Meta:
        db_table = "access_end"
        managed = False


class Client(models.Model):
    """A system that is registered to ask by itself, as its organisation, until an `AccessEnd` of it.

    `oauth_id` is the `client_id` that OAuth knows it by; no other client ever has the same. Its keys are in `key_set`,
    or at `key_set_url`. The table takes new rows only: whatever is to change is another registration.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    oauth_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    key_set = models.JSONField(null=True)
    key_set_url = models.CharField(max_length=500, blank=True)
    scopes = models.CharField(max_length=MAX_SCOPES_LENGTH)
    registered_at = models.DateTimeField()
    registered_by = models.UUIDField(null=True)

    class Meta:
        db_table = "client"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(key_set__isnull=True) ^ Q(key_set_url=""), name="client_keys_by_file_or_address"
            ),
        ]
