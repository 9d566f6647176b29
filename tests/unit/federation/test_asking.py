"""What a connector does stays in the task in which it does it."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest

from aggregator.federation import asking
from aggregator.federation.asking import ConnectorFault, contained, run_apart
from connectors.contract.values import NOBODY, Document, DocumentQuery, SourceAddress
from connectors.read_again import NotAsPromised
from connectors.transport.channels import LoopChannels
from tests.strange_connector import KIND, Strange


async def ends_late(done: list[str]) -> str:
    try:
        await asyncio.sleep(60)
    finally:
        done.append("closed")
    return "late"


async def never_ends() -> None:
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


def soon() -> float:
    return asyncio.get_running_loop().time() + 0.05


def test_what_is_given_in_time_is_given_and_what_is_raised_is_raised() -> None:
    async def give() -> int:
        return 7

    async def fail() -> int:
        raise KeyError

    async def work() -> None:
        assert await contained(give, until=soon()) == 7
        with pytest.raises(KeyError):
            await contained(fail, until=soon())

    asyncio.run(work())


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_what_would_end_the_loop_or_the_one_who_waits_is_a_fault_of_the_connector(kind: type[BaseException]) -> None:
    async def fail() -> None:
        raise kind

    async def work() -> None:
        with pytest.raises(ConnectorFault) as raised:
            await contained(fail, until=soon())
        assert raised.value.name == kind.__name__

    asyncio.run(work())


def test_one_that_does_not_even_return_an_awaitable_is_at_fault() -> None:
    async def work() -> None:
        with pytest.raises(TypeError):
            await contained(lambda: None, until=soon())  # type: ignore[arg-type, return-value]

    asyncio.run(work())


def test_one_that_is_out_of_time_is_cancelled_and_closes_what_it_holds() -> None:
    done: list[str] = []

    async def work() -> None:
        with pytest.raises(TimeoutError):
            await contained(lambda: ends_late(done), until=soon())

    asyncio.run(work())
    assert done == ["closed"]


def test_one_whose_asker_is_cancelled_is_cancelled_as_well() -> None:
    done: list[str] = []

    async def work() -> None:
        until = asyncio.get_running_loop().time() + 60
        asker = asyncio.ensure_future(contained(lambda: ends_late(done), until=until))
        await asyncio.sleep(0.01)
        asker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asker
        await asyncio.sleep(0)

    asyncio.run(work())
    assert done == ["closed"]


def test_neither_who_waits_nor_the_loop_waits_for_one_that_never_ends() -> None:
    async def work() -> str:
        with pytest.raises(TimeoutError):
            await contained(never_ends, until=soon())
        return "went on"

    began = time.monotonic()
    assert run_apart(work()) == "went on"
    assert time.monotonic() - began < 5


def test_work_apart_raises_what_it_ends_in_and_leaves_nothing_open() -> None:
    async def work() -> None:
        asyncio.get_running_loop().call_later(60, print)
        raise KeyError

    with pytest.raises(KeyError):
        run_apart(work())


@pytest.mark.parametrize(
    "given",
    [
        None,
        b"bytes",
        Document(content_type="text/plain", encoded=b"", head=b"{}"),  # type: ignore[arg-type]
        Document(content_type=None, encoded="", head=b"{}"),  # type: ignore[arg-type]
        Document(content_type="text/plain", encoded="\ud800", head=b"{}"),
    ],
)
def test_a_document_of_another_distribution_s_connector_is_of_the_types_of_the_contract(
    given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def does() -> Any:
        return given

    monkeypatch.setattr(asking.catalogue, "connector_for", lambda **_: Strange())
    monkeypatch.setattr(Strange, "does", {"here": does})

    async def work() -> None:
        query = DocumentQuery(address="here/1", asker=NOBODY, deadline=soon(), correlation_id=UUID(int=0))
        source = SourceAddress(source_id="s", base_url="here")
        with pytest.raises(NotAsPromised):
            await asking.fetch_document(kind=KIND, source=source, query=query, channels=LoopChannels())

    asyncio.run(work())
