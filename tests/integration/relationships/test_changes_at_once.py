"""A relationship that is changed while it is changed otherwise, or ended."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from aggregator.accounts.models import AccessEnd
from aggregator.accounts.requester import operator
from aggregator.changes.kinds import change_relationship
from aggregator.errors import Superseded
from aggregator.relationships.models import Relationship
from aggregator.services.relationships import end_relationship as ending
from tests.relationship_acts import changed, recorded
from tests.world import make_world

pytestmark = pytest.mark.django_db


def test_of_two_changes_of_one_relationship_at_one_moment_only_one_is_recorded() -> None:
    relationship_id = recorded(make_world())
    terms = {"relationship_id": str(relationship_id), "from_date": "2020-01-01", "until_date": "", "reason": "So."}
    as_registered = {**terms, "kind": "registered"}
    now = timezone.now()
    change_relationship.KIND.check(operator(), as_registered, now)
    changed(relationship_id)  # confirmed between the check and the writing of the other
    before = Relationship.objects.count()
    with pytest.raises(Superseded), transaction.atomic():
        change_relationship.KIND.apply(operator(), as_registered, now)
    assert Relationship.objects.count() == before


def test_who_ends_a_relationship_that_is_changed_at_that_moment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world()
    relationship_id = recorded(world)
    found = ending.relationship_with

    def found_and_changed(**values: Any) -> Any:
        before = found(**values)
        changed(relationship_id)
        return before

    monkeypatch.setattr(ending, "relationship_with", found_and_changed)
    with pytest.raises(Superseded):
        ending.end_relationship(
            requester=operator(), relationship_id=relationship_id, last_day=None, reason="So.", now=timezone.now()
        )
    assert AccessEnd.objects.filter(of_id=relationship_id).count() == 1
