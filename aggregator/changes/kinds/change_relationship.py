"""An organisation cares for a person in another way or on other days: one relationship ends, another is recorded."""

from __future__ import annotations

from datetime import datetime

from aggregator.accounts.authority import may_act_for
from aggregator.accounts.ends import End, Ends
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.changes.kind import Applied, ChangeKind, Scope, Terms
from aggregator.changes.terms import days_of, days_words, id_of, relationship_kind_of
from aggregator.errors import Invalid, NotFound, Superseded
from aggregator.relationships import operations
from aggregator.relationships.listing import RelationshipWith
from aggregator.relationships.queries import relationship_with
from aggregator.relationships.terms import OF_ORGANISATIONS

REASON = "Changed: another was recorded in its place."
ENDED_ALREADY = "This has been ended already."


def check(requester: Requester, terms: Terms, now: datetime) -> Scope:
    """Return whom this is about.

    Raises: Invalid, also where nothing would change; NotFound, also for a relationship of another organisation, of a
    care team or that a user has claimed; Superseded when it has been ended.
    """
    before = _before(terms)
    if not may_act_for(requester=requester, organisation_id=before.terms.organisation_id):
        raise NotFound
    if before.terms.ends_at is not None and before.terms.ends_at <= now:
        raise Superseded(ENDED_ALREADY)
    changed = (relationship_kind_of(terms), *days_of(terms))
    if changed == (before.terms.kind, before.terms.from_date, before.terms.until_date):
        raise Invalid("Nothing has been changed.", field="kind")
    return Scope(organisation_id=before.terms.organisation_id, person_id=before.person_id)


def words(terms: Terms) -> str:
    """Say what would change."""
    return f"Change how an organisation cares for a patient (to {terms['kind']}){days_words(terms)}"


def apply(requester: Requester, terms: Terms, now: datetime) -> Applied:
    """Record the one, to end the other.

    Raises: Superseded when somebody has ended it since it was checked.
    """
    before, (from_date, until_date) = _before(terms), days_of(terms)
    relationship_id = id_of(terms, "relationship_id")
    if operations.is_ended_under_lock(relationship_id=relationship_id, person_id=before.person_id, now=now):
        raise Superseded(ENDED_ALREADY)
    made_id = operations.record_relationship(
        person_id=before.person_id,
        organisation_id=before.terms.organisation_id,
        kind=relationship_kind_of(terms),
        from_date=from_date,
        until_date=until_date,
        reason=terms.get("reason", "").strip(),
        recorded_by=requester.user_id,
        now=now,
    )
    end = End(kind=Ends.RELATIONSHIP, of_id=relationship_id, ends_at=now, reason=REASON)
    return Applied(made_id=made_id, ends=(end,))


def _before(terms: Terms) -> RelationshipWith:
    before = relationship_with(relationship_id=id_of(terms, "relationship_id"))
    if before is None or before.terms.kind not in OF_ORGANISATIONS:
        raise NotFound
    return before


KIND = ChangeKind(
    name="change-relationship", needs=Permission.MANAGE_RELATIONSHIPS, check=check, words=words, apply=apply
)
