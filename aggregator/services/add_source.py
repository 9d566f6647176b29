"""Register a source, or change how one is asked. It is checked first, so that a wrong address is noticed now."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import Invalid
from aggregator.federation.trial import try_source
from aggregator.limits import printable
from aggregator.record.completeness.words import outcome_words
from aggregator.services.sources.registering import NewSource, check_settings, check_whose, write_source
from aggregator.sources.queries import address_at
from connectors.contract.errors import SourceError
from connectors.contract.values import CheckedSource

__all__ = ["NewSource", "SourceAdded", "add_source"]


@dataclass(frozen=True, kw_only=True)
class SourceAdded:
    """What was done. `created` is False when there was a source with that short name, which has been changed.

    `description` is what the source says it is; empty when it was not checked.
    """

    created: bool
    description: str


def add_source(
    *, requester: Requester, source: NewSource, check: bool = True, replaces: str | None = None
) -> SourceAdded:
    """Register a source, or change the one with that short name, once it has answered at its address.

    With `check` False it is not checked. `replaces` is the mark of the settings that are to be replaced; None: whatever
    there is. When it does not answer as its kind should, nothing is saved. It waits for the
    source, so it is for commands alone: pages try a source on the queue first.
    Raises: NotPermitted; Invalid naming the field; Superseded where there are other settings by now.
    """
    with acting(requester, Action.ADD_SOURCE, needs=Permission.MANAGE_SOURCES) as act:
        check_whose(requester=requester, source=source)
        check_settings(source)
        checked = _try(source) if check else CheckedSource(words="")
        act.begin()
        source_id, created = write_source(
            source=source, holds=source.holds or checked.holds, replaces=replaces, now=timezone.now()
        )
        act.about(source_id=source_id)
        act.note(slug=source.slug, created=created)
        return SourceAdded(created=created, description=printable(checked.words))


def _try(source: NewSource) -> CheckedSource:
    """Ask the source what it is.

    Raises: Invalid when it does not answer as its kind should.
    """
    address = address_at(source_id=source.slug, base_url=source.base_url.rstrip("/"), options=source.options)
    try:
        return try_source(kind=source.kind, address=address, within_s=source.time_limit_s)
    except SourceError as error:
        words = outcome_words(outcome=error.outcome, reason=error.reason or "")
        raise Invalid(f"{words}. Nothing was saved.", field="base_url", code="check-failed") from None
