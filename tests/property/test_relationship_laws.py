"""The laws of relationships: whose they are, when they count, and that an end only ever takes away."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.consent.decision import decide
from aggregator.relationships.terms import RelationshipTerms, is_current
from tests import proofs, strategies
from tests.factories import NOW

laws = proofs.laws(examples=100)
Applicant = tuple[Requester, tuple[RelationshipTerms, ...]]


def passes(requester: Requester, relationships: tuple[RelationshipTerms, ...]) -> bool:
    """Return whether the gate of relationships lets somebody through."""
    decision = decide(
        requester=requester,
        permission=Permission.VIEW_RECORD,
        policies=[],
        relationships=relationships,
        now=NOW,
        still_acts=True,
    )
    return next(result.answer.passed for result in decision.results if result.gate.name == "relationship")


@laws
@given(applicant=strategies.applicants(), data=st.data())
def test_to_end_relationships_at_any_moment_never_widens(applicant: Applicant, data: st.DataObject) -> None:
    requester, relationships = applicant
    moments = st.none() | st.integers(-2, 2).map(lambda hours: NOW + timedelta(hours=hours))
    ended = tuple(
        replace(each, ends_at=min(filter(None, (each.ends_at, data.draw(moments))), default=None))
        for each in relationships
    )
    assert passes(requester, ended) <= passes(requester, relationships)
    assert not passes(requester, tuple(replace(each, ends_at=NOW) for each in relationships))


@laws
@given(applicant=strategies.applicants())
def test_who_passes_has_a_current_one_of_their_organisation_that_is_everybodys_or_their_own(
    applicant: Applicant,
) -> None:
    requester, relationships = applicant
    theirs = [
        each
        for each in relationships
        if each.organisation_id == requester.organisation_id and each.user_id in (None, requester.user_id)
    ]
    assert passes(requester, relationships) == any(is_current(relationship=each, now=NOW) for each in theirs)


@laws
@given(applicant=strategies.applicants())
def test_for_another_user_only_what_is_everybodys_counts(applicant: Applicant) -> None:
    requester, relationships = applicant
    everybodys = tuple(each for each in relationships if each.user_id is None)
    assert passes(replace(requester, user_id=None), relationships) == passes(requester, everybodys)


@pytest.mark.generators
def test_the_laws_are_tried_on_both_answers_and_on_relationships_of_users() -> None:
    reached: Counter[str] = Counter()

    @settings(laws, max_examples=300, derandomize=True, database=None, phases=[Phase.generate])
    @given(applicant=strategies.applicants())
    def measure(applicant: Applicant) -> None:
        requester, relationships = applicant
        reached["passes" if passes(requester, relationships) else "is refused"] += 1
        reached["by a user's own"] += any(
            each.user_id is not None and passes(requester, (each,)) for each in relationships
        )
        reached["ended"] += any(each.ends_at is not None and each.ends_at <= NOW for each in relationships)

    measure()
    assert all(reached[case] >= 10 for case in ("passes", "is refused", "by a user's own", "ended")), reached
