"""What a source may hold is its own: by its statement or its settings, and its silence is remarked on there alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.errors import Invalid
from aggregator.federation.engine import close_engine, engine
from aggregator.federation.fan_out import run_retrieval
from aggregator.record.completeness.words import remarks_on
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.open_record import open_record
from aggregator.services.view_record import view_record
from aggregator.sources.models import Source
from aggregator.sources.queries import may_hold
from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from tests.hospital import Hospital, Said, running, statement
from tests.world import NOWHERE, make_world

TRUST = NewSource(
    slug="mind",
    name="Mental Health Trust",
    kind="fhir_r4",
    base_url=NOWHERE,
    organisation_ods="RMM",
    organisation_name="Mental Health Trust",
)
PROBLEMS_AND_DOCUMENTS = frozenset({RecordCategory.PROBLEMS, RecordCategory.DOCUMENTS})


@pytest.fixture
def stopped_engine() -> Iterator[None]:
    yield
    close_engine()


def held() -> frozenset[RecordCategory]:
    return may_hold(source=Source.objects.get(slug=TRUST.slug)) & CLINICAL_CATEGORIES


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped_engine")
def test_a_silent_source_is_remarked_on_only_in_the_sections_that_it_could_have_fed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aggregator.services.open_record.tasks.send", lambda **_: None)
    world = make_world()
    Source.objects.update(holds=sorted(PROBLEMS_AND_DOCUMENTS))
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    engine().start(run_retrieval(retrieval_id=retrieval_id, engine=engine()), within_s=5).result()
    view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    remarked = {category for category in CLINICAL_CATEGORIES if remarks_on(category=category, statuses=view.sources)}
    assert remarked == PROBLEMS_AND_DOCUMENTS


@pytest.mark.django_db
def test_what_the_statement_of_a_server_declares_is_kept() -> None:
    with running(Hospital(answers={"metadata": Said(body=statement("Condition", "DocumentReference"))})) as hospital:
        add_source(requester=operator(), source=replace(TRUST, base_url=hospital.address))
    assert held() == PROBLEMS_AND_DOCUMENTS | {RecordCategory.OTHER}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({"metadata": Said(body=statement("Condition", everything=True))}, id="everything"),
        pytest.param({}, id="no statement"),
    ],
)
def test_a_server_that_may_give_more_than_it_declares_may_hold_all_that_its_kind_can(answers: dict[str, Said]) -> None:
    with running(Hospital(answers=dict(answers))) as hospital:
        add_source(requester=operator(), source=replace(TRUST, base_url=hospital.address))
    assert held() == CLINICAL_CATEGORIES


@pytest.mark.django_db
def test_what_is_set_by_hand_comes_before_what_a_server_declares() -> None:
    with running(Hospital(answers={"metadata": Said(body=statement("Flag"))})) as hospital:
        source = replace(TRUST, base_url=hospital.address, holds=PROBLEMS_AND_DOCUMENTS)
        add_source(requester=operator(), source=source)
    assert held() == PROBLEMS_AND_DOCUMENTS


@pytest.mark.django_db
def test_a_source_that_is_changed_unasked_may_hold_all_that_its_kind_can() -> None:
    add_source(requester=operator(), source=replace(TRUST, holds=PROBLEMS_AND_DOCUMENTS), check=False)
    add_source(requester=operator(), source=TRUST, check=False)
    assert held() == CLINICAL_CATEGORIES


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "holds"),
    [("fhir_r4", frozenset()), ("gp_connect", frozenset({RecordCategory.ALERTS}))],
)
def test_a_source_cannot_hold_nothing_nor_what_its_kind_cannot_give(
    kind: str, holds: frozenset[RecordCategory]
) -> None:
    with pytest.raises(Invalid) as refused:
        add_source(requester=operator(), source=replace(TRUST, kind=kind, holds=holds), check=False)
    assert refused.value.field == "holds"
    assert not Source.objects.exists()


@pytest.mark.django_db
def test_the_table_takes_no_source_that_holds_nothing() -> None:
    add_source(requester=operator(), source=TRUST, check=False)
    with pytest.raises(IntegrityError, match="source_holds_something"), transaction.atomic():
        Source.objects.update(holds=[])
