"""Sources that are loaded at the same moment: a patient of both is one person, or somebody is told."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection, transaction

from aggregator.errors import Superseded
from aggregator.mpi import joining, operations, settling
from aggregator.mpi.demographics import Identity
from aggregator.mpi.models import LinkReview, Person
from aggregator.mpi.queries import held_by
from aggregator.mpi.reviews import Decision
from aggregator.sources.models import Source
from tests.factories import NOW, STRANGER, identity, load, source

pytestmark = pytest.mark.django_db(transaction=True)


class Loading:
    """A load of one person that is not committed before `commit` is set."""

    def __init__(self, *, at: Source, **values: Any) -> None:
        self.has_loaded, self.commit = Event(), Event()
        self.thread = Thread(target=self._load, args=(at, identity(identifier=at.slug, **values)))
        self.thread.start()

    def _load(self, at: Source, taken: Identity) -> None:
        try:
            with transaction.atomic():
                operations.load_identities(source=at, identities=[taken], now=NOW)
                self.has_loaded.set()
                self.commit.wait(10)
        finally:
            connection.close()


def test_a_patient_of_two_sources_that_are_loaded_at_once_is_one_person() -> None:
    first = Loading(at=source(slug="practice"))
    assert first.has_loaded.wait(10)
    second = Loading(at=source(slug="hospital"))
    assert not second.has_loaded.wait(1)
    first.commit.set()
    assert second.has_loaded.wait(10)
    second.commit.set()
    first.thread.join()
    second.thread.join()
    (joan,) = Person.objects.all()
    assert len(held_by(person_id=joan.id)) == 2
    assert not LinkReview.objects.exists()


@pytest.mark.parametrize("decision", [Decision.TAKE_NEW_VALUES, Decision.END_LINK])
def test_new_details_are_not_taken_in_beside_a_load_that_brings_the_same_patient(
    decision: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice = source(slug="practice")
    for values in ({}, STRANGER):
        load(at=practice, identities=[identity(identifier="1", **values)])
    review_id = LinkReview.objects.get().id
    hospital = Loading(at=source(slug="hospital"), **STRANGER)
    assert hospital.has_loaded.wait(10)

    def settle() -> None:
        with transaction.atomic():
            settling.settle(
                review_id=review_id, decision=decision, fields=(), note="Rang.", user_id=None, seen="", now=NOW
            )

    monkeypatch.setattr(joining, "MOST_WAIT_S", 0.0)
    with pytest.raises(Superseded):
        settle()
    hospital.commit.set()
    hospital.thread.join()
    settle()
    assert LinkReview.objects.get(settled_at=None).reason == "verified-number-and-demographics"


def test_a_load_that_waits_too_long_says_so_and_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    practice, hospital = source(slug="practice"), source(slug="hospital")
    first = Loading(at=practice)
    assert first.has_loaded.wait(10)
    monkeypatch.setattr(operations, "MOST_WAIT_S", 0.0)
    monkeypatch.setattr(operations, "LOOK_EVERY_S", 0.01)
    with pytest.raises(Superseded):
        load(at=hospital, identities=[identity(identifier="there")])
    first.commit.set()
    first.thread.join()
    assert Person.objects.count() == 1
