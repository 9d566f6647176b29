"""The law of withholding: a record with something withheld is shown as the one that never held it.

They differ in one notice, that something is withheld, and in the words of the banner and of empty sections that go
with it. Each answer goes the whole way, from the bytes of its Bundle through the showing service; what the service
reads from tables is given to it. `integration/services/test_withheld_is_not_felt.py` goes that way with all that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from aggregator.consent.arrangement import is_list
from aggregator.consent.decision import Decision
from aggregator.consent.terms import BasePolicy, DataPeriod, Effect, ItemKey, PolicyTerms, Provision
from aggregator.federation.answers import HeldAnswer
from aggregator.federation.endings import Ending
from aggregator.federation.queries import RetrievalView, SourceState
from aggregator.mpi.golden import GoldenRecord, PersonSummary
from aggregator.record.completeness.claims import allergy_status
from aggregator.record.received import item_of
from aggregator.services import view_record as showing
from aggregator.services.view_record import RecordView, view_record
from connectors.contract.categories import CLINICAL_CATEGORIES
from connectors.contract.outcomes import Outcome
from connectors.contract.values import ReceivedItem, Reply
from connectors.fhir_r4.answer import read_pages
from connectors.gp_connect.answer import read_answer
from connectors.transport.pace import Steps
from fhir_data import exact_json
from fhir_data.confidentiality import is_known
from fhir_data.heads import entry_name
from fhir_data.labels import Label
from fhir_data.splitting import split
from tests import proofs
from tests.factories import NOW, permitting, requester
from tests.strategies import TYPES, Json
from tests.withheld import (
    DENIED_CATEGORY,
    DENIED_DAY,
    LABELLED_PLACES,
    LABELS,
    Answer,
    Denied,
    Place,
    Withheld,
    denied_records,
    id_of,
    withheld_records,
)

# For each place: 10,000 in `make prove`, for all of them together.
laws = proofs.laws(examples=34)
# For each of what a patient may deny, at a hospital and at a practice.
fewer_laws = proofs.laws(examples=14)

HOSPITAL, PRACTICE = UUID(int=1), UUID(int=2)
RETRIEVAL, PERSON, CLINICIAN = UUID(int=7), UUID(int=8), UUID(int=9)
FERRIS = PersonSummary(
    person_id=PERSON, golden=GoldenRecord(family="Ferris", given="Joan", birth_date=date(1951, 5, 4))
)


@pytest.mark.parametrize("place", LABELLED_PLACES)
@laws
@given(data=st.data())
def test_what_is_withheld_is_not_felt(place: Place, data: st.DataObject) -> None:
    record = data.draw(withheld_records(place=place))
    with_it, events_with = shown(record.with_it, record.other, place=record.place)
    without_it, events_without = shown(record.without_it, record.other, place=record.place)
    assert with_it.withheld
    assert not without_it.withheld
    assert plain(with_it) == plain(as_if_withheld(without_it))
    assert events_with["items"] == events_without["items"]
    assert events_with["outcomes"] == events_without["outcomes"]


# The pages of a practice are one, its Patient names itself by an NHS number, and it sends no letters as Compositions.
IN_PRACTICE = [place for place in LABELLED_PLACES if place not in {Place.PAGE, Place.PATIENT, Place.LETTER}]


@pytest.mark.parametrize("place", IN_PRACTICE)
@laws
@given(data=st.data())
def test_what_a_practice_withholds_is_not_felt(place: Place, data: st.DataObject) -> None:
    record = data.draw(withheld_records(place=place))
    with_it, events_with = shown(record.with_it, record.other, place=place, read=reply_of_practice)
    without_it, events_without = shown(record.without_it, record.other, place=place, read=reply_of_practice)
    assert with_it.withheld
    assert not without_it.withheld
    assert plain(with_it) == plain(as_if_withheld(without_it))
    assert events_with["items"] == events_without["items"]
    assert events_with["outcomes"] == events_without["outcomes"]


READ = {"hospital": lambda answer: reply_of(answer), "practice": lambda answer: reply_of_practice(answer)}


@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.parametrize("by", Denied)
@fewer_laws
@given(data=st.data())
def test_what_the_patient_denies_is_not_felt(by: Denied, read: Callable[[Answer], Reply], data: st.DataObject) -> None:
    record = data.draw(denied_records(by=by))
    decision = permitting(policies=policies_that_deny(by))
    with_it, events_with = shown(record.with_it, record.other, read=read, decision=decision)
    # A source from which nothing may be shown is as if the patient were not known there.
    without = None if by is Denied.SOURCE else record.without_it
    without_it, events_without = shown(without, record.other, read=read, decision=decision)
    assert with_it.withheld
    assert by is Denied.DATE or not without_it.withheld  # of what has no date nobody can tell
    assert plain(with_it) == plain(as_if_withheld(without_it))
    assert events_with["items"] == events_without["items"]
    assert events_with["outcomes"] == events_without["outcomes"]


def policies_that_deny(by: Denied) -> tuple[PolicyTerms, ...]:
    """Return the policies of a patient who shares all but what is denied, and what a label withholds, too."""
    labels = frozenset(label for label in map(as_label, LABELS) if is_known(label))
    denied = {
        Denied.LABEL: Provision(effect=Effect.DENY, labels=labels),
        Denied.CATEGORY: Provision(effect=Effect.DENY, categories=frozenset({DENIED_CATEGORY})),
        Denied.ITEM: Provision(
            effect=Effect.DENY,
            items=frozenset(
                ItemKey(source_id=HOSPITAL, resource_type=kind, resource_id=key)
                for kind in TYPES
                for key in ("h0", "h1")
            ),
        ),
        Denied.DATE: Provision(effect=Effect.DENY, data_period=DataPeriod(start=DENIED_DAY, end=DENIED_DAY)),
        Denied.SOURCE: Provision(effect=Effect.DENY, sources=frozenset({HOSPITAL})),
    }[by]
    shares = Provision(effect=Effect.PERMIT, labels=labels if by is Denied.LABEL else frozenset())
    return (
        PolicyTerms(base=BasePolicy.PERMIT, root=shares),
        PolicyTerms(base=BasePolicy.DENY, root=denied),
    )


def as_label(coding: Json) -> Label:
    return Label(system=coding.get("system", ""), code=coding.get("code", ""))


def as_if_withheld(view: RecordView) -> RecordView:
    """Return a showing with the permitted notice and the banner's words that go with it."""
    words = allergy_status(record=view.record, statuses=view.sources, withheld=True)
    return replace(view, withheld=True, allergy_status=words)


def plain(view: RecordView) -> RecordView:
    """Return a showing without the notice that the patient's whereabouts are not told.

    Nor with the copies as sent of Lists that arrange others: they are drawn nowhere, and one from which an entry was
    taken has none.
    """
    details = tuple(replace(each, is_restricted=False) for each in view.patient_details if each.lines)
    arranging = tuple(
        structs.replace(each, original=None) if is_list(each) else each for each in view.record.supporting
    )
    record = replace(view.record, supporting=arranging)
    golden = replace(view.person.golden, is_whereabouts_restricted=False)
    person = replace(view.person, golden=golden)
    return replace(view, person=person, is_whereabouts_restricted=False, patient_details=details, record=record)


# The service, with what it reads given to it


def reply_of(answer: Answer) -> Reply:
    pages = [split(payload=exact_json.encode(page)) for page in answer.bundles()]
    return at_once(read_pages(pages=pages, patient_id="1"))


def reply_of_practice(answer: Answer) -> Reply:
    return at_once(read_answer(payload=split(payload=exact_json.encode(answer.practice_bundle()))))


def shown(
    answer: Answer | None,
    practice: Answer,
    *,
    place: Place = Place.NOWHERE,
    read: Callable[[Answer], Reply] = reply_of,
    decision: Decision | None = None,
) -> tuple[RecordView, dict[str, Any]]:
    """Show a record to which one or two sources have answered; also return what the audit is told."""
    held = {PRACTICE: held_answer(reply_of(practice), source_id=PRACTICE, place=place)}
    if answer is not None:
        held = {HOSPITAL: held_answer(read(answer), source_id=HOSPITAL, place=place), **held}
    told: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(showing, "acting", lambda *_, **__: an_act(told))
        patch.setattr(showing, "check_is_whole", lambda **_: None)
        given_to_it = {
            "federation_queries": {
                "retrieval_view": retrieval_of(held),
                "held_answers": {k: (v,) for k, v in held.items()},
            },
            "consent_queries": {"decide": decision or permitting()},
            "mpi_queries": {
                "remaining": FERRIS.person_id,
                "person_summary": FERRIS,
                "held_by": [linked(source_id) for source_id in held],
            },
        }
        for room, answers in given_to_it.items():
            patch.setattr(showing, room, SimpleNamespace(**{name: saying(value) for name, value in answers.items()}))
        asking = replace(requester(), membership_id=CLINICIAN)
        return view_record(requester=asking, retrieval_id=RETRIEVAL, now=NOW), told


def saying(value: object) -> Callable[..., object]:
    return lambda **_: value


@contextmanager
def an_act(told: dict[str, Any]) -> Iterator[Any]:
    def require(*, decision: Decision) -> None:
        assert decision.permitted

    yield SimpleNamespace(
        about=lambda **_: None,
        begin=lambda: None,
        require=require,
        note=lambda **detail: told.update(detail),
        shows=told.update,
    )


def linked(source_id: UUID) -> Any:
    return SimpleNamespace(source_id=source_id, source_record_id=source_id)


def at_once(steps: Steps[Reply]) -> Reply:
    while True:
        try:
            next(steps)
        except StopIteration as finished:
            reply: Reply = finished.value
            return reply


def held_answer(reply: Reply, *, source_id: UUID, place: Place) -> HeldAnswer:
    return HeldAnswer(
        source_record_id=source_id,
        received_at=NOW,
        subject=reply.subject,
        subject_sent=reply.subject_original,
        subject_labels=reply.subject_labels,
        items=tuple(
            item_of(
                received=structs.replace(received, translated=not is_untranslated(received, place=place)),
                item_id=id_of(received, source_id=str(source_id)),
                source_id=str(source_id),
            )
            for received in reply.items
        ),
        quarantined=reply.quarantined,
        notices=reply.notices,
    )


def is_untranslated(received: ReceivedItem, *, place: Place) -> bool:
    return place is Place.UNTRANSLATED and entry_name(entry=received.resource).partition("/")[2] in {"h0", "o0"}


def retrieval_of(held: Mapping[UUID, HeldAnswer]) -> RetrievalView:
    return RetrievalView(
        retrieval_id=RETRIEVAL,
        person_id=PERSON,
        created_at=NOW,
        deadline_at=NOW,
        expires_at=NOW,
        sources=tuple(state_of(source_id, answer) for source_id, answer in held.items()),
    )


def state_of(source_id: UUID, answer: HeldAnswer) -> SourceState:
    """Return the state of a source as its flight records it, before consent."""
    clinical = any(item.category.is_clinical for item in answer.items)
    outcome = Outcome.ANSWERED if clinical or answer.quarantined else Outcome.EMPTY
    return SourceState(
        source_id=source_id,
        source_name=f"Source {source_id.int}",
        organisation_name=f"Organisation {source_id.int}",
        kind="fhir_r4",
        holds=CLINICAL_CATEGORIES,
        not_served=frozenset(),
        ending=Ending(outcome=outcome, item_count=len(answer.items)),
        ended_at=NOW,
        flight_retrieval_id=RETRIEVAL,
    )


# How often the cases are reached


def measured(place: Place) -> list[Withheld]:
    records: list[Withheld] = []

    @settings(laws, max_examples=60, derandomize=True, database=None, phases=[Phase.generate])
    @given(record=withheld_records(place=place))
    def measure(record: Withheld) -> None:
        records.append(record)

    measure()
    return records


@pytest.mark.generators
@pytest.mark.parametrize("by", Denied)
def test_what_is_denied_would_be_felt_if_it_were_not(by: Denied) -> None:
    records: list[Withheld] = []

    @settings(laws, max_examples=60, derandomize=True, database=None, phases=[Phase.generate])
    @given(record=denied_records(by=by))
    def measure(record: Withheld) -> None:
        records.append(record)

    measure()
    least = 0.05 * len(records)
    assert sum(record.shown == 0 for record in records) >= least
    assert sum(record.shown > 1 for record in records) >= least
    assert sum(record.is_pointed_to for record in records) >= least
    # The labels of Denied.LABEL withhold by themselves: there its patient permits them.
    shares = policies_that_deny(by)[:1]
    felt = [
        plain(shown(record.with_it, record.other, decision=permitting(policies=shares))[0])
        != plain(shown(record.without_it, record.other, decision=permitting(policies=shares))[0])
        for record in records[:20]
    ]
    assert sum(felt) >= (0.2 if by is Denied.LABEL else 0.8) * len(felt)


@pytest.mark.generators
@pytest.mark.parametrize("place", LABELLED_PLACES)
def test_each_case_is_reached_and_would_be_felt_if_nothing_were_withheld(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = measured(place)
    least = 0.05 * len(records)
    assert sum(record.shown == 0 for record in records) >= least  # the only item of its source
    if place is not Place.PATIENT:
        assert sum(record.shown > 1 for record in records) >= least
    if place not in {Place.PATIENT, Place.NOTICE}:
        assert sum(record.is_pointed_to for record in records) >= least
    monkeypatch.setattr("aggregator.consent.gates.sensitivity.restricts", lambda _: False)
    monkeypatch.setattr("aggregator.consent.answers.restricts", lambda _: False)
    felt = [
        plain(shown(record.with_it, record.other, place=place)[0])
        != plain(shown(record.without_it, record.other, place=place)[0])
        for record in records[:20]
    ]
    assert sum(felt) >= (0.1 if place is Place.SUPPORTING else 0.8) * len(felt)
