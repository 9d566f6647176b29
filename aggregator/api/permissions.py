"""What an API view may do when it declares nothing: nothing."""

from __future__ import annotations

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyAll(BasePermission):
    """Refuse every request; a view that is to answer names its own permission."""

    def has_permission(self, request: Request, view: object) -> bool:
        """Return that nobody may."""
        return False
