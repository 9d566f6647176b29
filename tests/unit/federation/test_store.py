"""Sealing: what is held can be opened by its own key, for its own retrieval and source, and by nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from aggregator.federation.answers import HeldAnswer
from aggregator.federation.store import (
    NONCE_BYTES,
    PADDING_BYTES,
    SealBroken,
    Sealer,
    new_wrapped_key,
)
from connectors.contract.categories import RecordCategory
from connectors.contract.notices import Notice, NoticeCode
from connectors.contract.values import QuarantinedEntry
from fhir_data.errors import EntryFault
from tests.factories import NOW, condition, item, restricted

MASTER = os.urandom(32)
RETRIEVAL, SOURCE = uuid4(), uuid4()
WRAPPED = new_wrapped_key(master_key=MASTER, retrieval_id=RETRIEVAL)
TAG_BYTES = 16

ANSWER = HeldAnswer(
    source_record_id=uuid4(),
    received_at=NOW,
    subject=b'{"resourceType":"Patient","name":[{"family":"Marlowe-Secret"}]}',
    items=(
        item(resource=condition(display="Secretitis", meta=restricted())),
        item(resource=condition(), original=b"<as sent/>", notes=("lost a field",), incidental=True, translated=False),
    ),
    quarantined=(QuarantinedEntry(reason=EntryFault.INVALID, detail="code", original=b"\x00\xff", category=None),),
    notices=(
        Notice(code=NoticeCode.INCOMPLETE),
        Notice(code=NoticeCode.NOT_SUPPORTED, text="é", category=RecordCategory.RESULTS),
    ),
)


def sealer(*, master: bytes = MASTER, wrapped: bytes = WRAPPED, retrieval: UUID = RETRIEVAL) -> Sealer:
    return Sealer(master_key=master, wrapped_key=wrapped, retrieval_id=retrieval)


BLOB = sealer().seal(source_id=SOURCE, answers=(ANSWER,))


def test_what_was_sealed_is_opened_whole() -> None:
    assert sealer().open(source_id=SOURCE, blob=BLOB) == (ANSWER,)


def test_the_key_is_read_from_the_database_as_whatever_it_gives() -> None:
    assert sealer(wrapped=memoryview(WRAPPED)).open(source_id=SOURCE, blob=BLOB) == (ANSWER,)  # type: ignore[arg-type]


def test_nothing_can_be_read_in_the_blob() -> None:
    for part in (b"Marlowe", b"Secretitis", b"Condition", b"resourceType", b"as sent", SOURCE.bytes):
        assert part not in BLOB


def test_no_two_blobs_or_keys_are_alike() -> None:
    assert sealer().seal(source_id=SOURCE, answers=(ANSWER,)) != BLOB
    assert new_wrapped_key(master_key=MASTER, retrieval_id=RETRIEVAL) != WRAPPED


def test_a_blob_moved_to_another_source_or_retrieval_is_refused() -> None:
    with pytest.raises(SealBroken):
        sealer().open(source_id=uuid4(), blob=BLOB)
    elsewhere = uuid4()
    wrapped = new_wrapped_key(master_key=MASTER, retrieval_id=elsewhere)
    with pytest.raises(SealBroken):
        sealer(wrapped=wrapped, retrieval=elsewhere).open(source_id=SOURCE, blob=BLOB)


@pytest.mark.parametrize("length", [0, 1, 7, 8, NONCE_BYTES - 1, NONCE_BYTES, NONCE_BYTES + TAG_BYTES, len(BLOB) - 1])
def test_a_cut_blob_is_refused(length: int) -> None:
    with pytest.raises(SealBroken):
        sealer().open(source_id=SOURCE, blob=BLOB[:length])


@pytest.mark.parametrize("position", [0, NONCE_BYTES - 1, NONCE_BYTES, len(BLOB) // 2, len(BLOB) - 1])
def test_a_blob_with_one_bit_changed_is_refused(position: int) -> None:
    altered = bytearray(BLOB)
    altered[position] ^= 1
    with pytest.raises(SealBroken):
        sealer().open(source_id=SOURCE, blob=bytes(altered))
    with pytest.raises(SealBroken):
        sealer().open(source_id=SOURCE, blob=BLOB + b"\0")


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SealBroken):
        sealer(master=os.urandom(32))
    with pytest.raises(SealBroken):
        sealer(retrieval=uuid4())
    other = new_wrapped_key(master_key=MASTER, retrieval_id=RETRIEVAL)
    with pytest.raises(SealBroken):
        sealer(wrapped=other).open(source_id=SOURCE, blob=BLOB)


@pytest.mark.parametrize("length", [0, 5, NONCE_BYTES, len(WRAPPED) - 1])
def test_a_cut_key_opens_nothing(length: int) -> None:
    with pytest.raises(SealBroken):
        sealer(wrapped=WRAPPED[:length])


def test_small_differences_of_length_do_not_show() -> None:
    silent = replace(ANSWER, items=(), quarantined=(), notices=())
    said = replace(silent, items=(item(resource=condition()),))
    lengths = {len(sealer().seal(source_id=SOURCE, answers=(answer,))) for answer in (silent, said, ANSWER)}
    assert lengths == {NONCE_BYTES + PADDING_BYTES + TAG_BYTES}


def test_an_answer_of_many_pages_is_padded_to_whole_ones() -> None:
    noise = tuple(item(resource=condition(note=[{"text": os.urandom(600).hex()}])) for _ in range(20))
    many = replace(ANSWER, items=noise)
    blob = sealer().seal(source_id=SOURCE, answers=(many,))
    assert len(blob) > 2 * PADDING_BYTES
    assert (len(blob) - NONCE_BYTES - TAG_BYTES) % PADDING_BYTES == 0
    assert sealer().open(source_id=SOURCE, blob=blob) == (many,)


def test_an_error_says_nothing_of_what_was_sealed() -> None:
    with pytest.raises(SealBroken) as broken:
        sealer().open(source_id=uuid4(), blob=BLOB)
    assert str(broken.value) == "held answer"
    assert broken.value.__suppress_context__


def test_an_answer_in_a_form_that_is_not_known_here_is_refused_and_read_as_nothing_else() -> None:
    newer = replace(ANSWER, notices=(Notice(code="of-a-newer-worker"),))  # type: ignore[arg-type]
    with pytest.raises(SealBroken):
        sealer().open(source_id=SOURCE, blob=sealer().seal(source_id=SOURCE, answers=(newer,)))
