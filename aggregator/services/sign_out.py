"""Sign out: the session ends, here and on the server."""

from __future__ import annotations

from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest

from aggregator.accounts.requester import Requester
from aggregator.audit import trail


def sign_out(*, request: HttpRequest, requester: Requester) -> None:
    """End the requester's session."""
    with transaction.atomic():
        logout(request)
        trail.append(requester=requester, action="sign-out")
