"""Permissions of API views: of one that declares none, which nobody may use, and of one that is open on purpose."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyAll(BasePermission):
    """Refuse every request; a view must declare its own permission to answer."""

    def has_permission(self, request: Request, view: object) -> bool:
        """Return False: nobody may."""
        return False


class OpenToAll(BasePermission):
    """Lets everybody through, on purpose."""

    def has_permission(self, request: Request, view: object) -> bool:
        """Return True: everybody may."""
        return True
