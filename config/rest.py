"""What an API view may do when it declares nothing: nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework.permissions import BasePermission


class DenyAll(BasePermission):
    """Refuse every request; a view that is to answer names its own permission."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """Return that nobody may."""
        return False


def open_to_all(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view as one that needs no log-in, on purpose."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view
