"""Two proposals to change one relationship, confirmed at one moment."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.changes.kinds import change_relationship
from aggregator.errors import Superseded
from aggregator.relationships.models import Relationship
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
