"""An organisation cares for a person: everybody who sees records there may see theirs."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.authority import check_organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.changes.kind import Applied, ChangeKind, Scope, Terms
from aggregator.changes.terms import days_of, days_words, organisation_of, person_of, relationship_kind_of
from aggregator.relationships import operations


def check(requester: Requester, terms: Terms, now: datetime) -> Scope:
    """Return whom this is about.

    Raises: Invalid; NotFound; NotPermitted.
    """
    organisation = organisation_of(terms)
    check_organisation(requester=requester, organisation_id=organisation.id)
    person_id = person_of(terms)
    relationship_kind_of(terms)
    days_of(terms)
    return Scope(organisation_id=organisation.id, person_id=person_id)


def words(terms: Terms) -> str:
    """Say what would change."""
    return f"Record that {terms['organisation_ods']} cares for a patient ({terms['kind']}){days_words(terms)}"


def apply(requester: Requester, terms: Terms, now: datetime) -> Applied:
    """Record it."""
    from_date, until_date = days_of(terms)
    return Applied(
        made_id=operations.record_relationship(
            person_id=person_of(terms),
            organisation_id=organisation_of(terms).id,
            kind=relationship_kind_of(terms),
            from_date=from_date,
            until_date=until_date,
            reason=terms.get("reason", "").strip(),
            recorded_by=requester.user_id,
            now=now,
        )
    )


KIND = ChangeKind(
    name="record-relationship", needs=Permission.MANAGE_RELATIONSHIPS, check=check, words=words, apply=apply
)
