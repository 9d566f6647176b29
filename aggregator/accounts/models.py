"""Organisations, the people who use the service, and what each may be where."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from aggregator.accounts.roles import Role


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
    is_active = models.BooleanField(default=True)
    # The sessions that are its own, in the order of signing in. A trigger empties it when `is_active` changes.
    session_keys = models.JSONField(default=list)

    objects = BaseUserManager["User"]()
    USERNAME_FIELD = "username"

    class Meta:
        db_table = "user"

    def __str__(self) -> str:
        return str(self.id)


class Membership(models.Model):
    """A user's role in an organisation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    role = models.CharField(max_length=30, choices=[(role.value, role.value) for role in Role])
    sds_role_profile_id = models.CharField(max_length=20, blank=True)

    class Meta:
        db_table = "membership"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "organisation", "role"], name="membership_once"),
        ]
