"""The permission of an API view that declares none: nobody may use it."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyAll(BasePermission):
    """Refuse every request; a view must declare its own permission to answer."""

    def has_permission(self, request: Request, view: object) -> bool:
        """Return False: nobody may."""
        return False
