"""The suite's own way to empty tables waits for whoever still has one of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, transaction

from aggregator.accounts.models import Organisation
from tests.emptying import patiently
from tests.factories import organisation

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def somebody_reads(*, seconds: float) -> Iterator[None]:
    """Have another connection hold a table as whoever reads it does, for so long."""
    holds, left = threading.Event(), threading.Event()

    def read() -> None:
        try:
            with transaction.atomic():
                Organisation.objects.count()
                holds.set()
                left.wait(seconds)
        finally:
            connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    holds.wait(10)
    try:
        yield
    finally:
        left.set()
        thread.join()


def test_a_table_that_is_read_for_longer_than_a_statement_waits_is_emptied_afterwards() -> None:
    organisation()
    with somebody_reads(seconds=1.3):  # a statement waits for one second
        call_command("flush", interactive=False, verbosity=0, reset_sequences=False)
    assert not Organisation.objects.exists()


def test_a_table_that_stays_locked_fails_in_the_end() -> None:
    with somebody_reads(seconds=30), pytest.raises(OperationalError, match="lock timeout"):
        patiently(empty_organisations, within_s=0)([])


def test_other_faults_are_not_tried_again() -> None:
    calls = []

    def fail(statements: Sequence[str]) -> None:
        calls.append(statements)
        raise DatabaseError

    with pytest.raises(DatabaseError):
        patiently(fail)(["TRUNCATE"])
    assert len(calls) == 1


def empty_organisations(_: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE organisation CASCADE")
