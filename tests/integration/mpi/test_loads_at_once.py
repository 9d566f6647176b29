"""Sources that are loaded at the same moment: a patient of both is one person, or somebody is told."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from django.db import connection, transaction

from aggregator.errors import Superseded
from aggregator.mpi import operations
from aggregator.mpi.models import LinkReview, Person
from aggregator.mpi.queries import held_by
from aggregator.sources.models import Source
from tests.factories import NOW, identity, load, source

pytestmark = pytest.mark.django_db(transaction=True)


class Loading:
    """A load of one person that is not committed before `commit` is set."""

    def __init__(self, *, at: Source) -> None:
        self.has_loaded, self.commit = Event(), Event()
        self.thread = Thread(target=self._load, args=(at,))
        self.thread.start()

    def _load(self, at: Source) -> None:
        try:
            with transaction.atomic():
                operations.load_identities(source=at, identities=[identity(identifier=at.slug)], now=NOW)
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
