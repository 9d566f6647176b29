"""What pages on which changes are proposed have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.http import HttpRequest
from django.utils import timezone

from aggregator.errors import Invalid
from aggregator.services.changes.propose_change import propose_change
from aggregator.web.dates import DateParts
from aggregator.web.signed_in import SignedInRequest

PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


def is_proposed(request: SignedInRequest, form: DateParts, /, *, kind: str, terms: Mapping[str, str]) -> bool:
    """Propose a change; where it is refused for what was entered, the form says so."""
    try:
        propose_change(
            requester=request.requester,
            kind=kind,
            terms=terms,
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
    except Invalid as error:
        form.add_refusal(field=error.field, words=str(error))
        return False
    return True


def page_number(request: HttpRequest, /) -> int:
    """Return which page of a list is asked for; the first where that makes no sense."""
    page = request.GET.get("page", "1")
    return int(page) if PAGE_NUMBER.fullmatch(page) else 1
