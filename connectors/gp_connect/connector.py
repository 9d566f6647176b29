"""Asks a GP practice for the structured record: one call, every area that the categories need.

Source: GP Connect Access Record Structured 1.6; protocol facts, section 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar
from uuid import uuid4

from connectors.contract import Capabilities, NotAsked, Query, RecordCategory, Reply, SourceAddress
from connectors.gp_connect.answer import expect_record, outcome_codes, read_answer
from connectors.gp_connect.errors import error_for
from connectors.gp_connect.request import AREAS, OPERATION, areas_for, headers, nhs_number_of, parameters
from connectors.guards import split
from connectors.outcomes import Reason
from connectors.pace import finish, finish_paced
from connectors.transport import Transport


class GpConnect:
    """The connector for GP practices. `now` is seconds since 1970, for the token's times."""

    kind: ClassVar[str] = "gp_connect"
    capabilities: ClassVar[Capabilities] = Capabilities(
        categories=frozenset[RecordCategory]().union(*AREAS.values()) | {RecordCategory.SUPPORTING},
        answers_serve_others=False,
    )

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now

    async def ask(self, *, source: SourceAddress, query: Query, transport: Transport) -> Reply:
        """Ask the practice for the patient and return its whole answer.

        Raises: SourceError.
        """
        nhs_number = nhs_number_of(identifiers=query.local_identifiers)
        if nhs_number is None:
            raise NotAsked(Reason.NO_LINK)
        areas = areas_for(categories=query.categories)
        base = source.base_url.rstrip("/")

        def fresh_headers() -> dict[str, str]:  # a token is for one request: a retry needs another
            return headers(
                asker=query.asker, options=source.options, audience=base, now=int(self._now()), trace_id=uuid4()
            )

        answer = await transport.request(
            method="POST",
            url=_address(base=base, proxy=source.options.get("ssp_url", "")),
            headers=fresh_headers,
            body=parameters(nhs_number=nhs_number, areas=areas),
            source_id=source.source_id,
            deadline=query.deadline,
            correlation_id=query.correlation_id,
            repeatable=True,  # a POST by name, a read by nature
        )
        if answer.status != 200:
            raise error_for(status=answer.status, codes=outcome_codes(body=answer.body))
        payload = split(payload=answer.body)
        expect_record(body=answer.body, payload=payload)
        asked = tuple(category for area in areas for category in AREAS[area])
        steps = read_answer(payload=payload, nhs_number=nhs_number, asked=asked)
        return await finish_paced(steps=steps, deadline=query.deadline)

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of a saved answer.

        Raises: Malformed; Refused or Unreachable when it is a practice's refusal.
        """
        found = split(payload=payload)
        expect_record(body=payload, payload=found)
        return finish(steps=read_answer(payload=found))


def _address(*, base: str, proxy: str) -> str:
    """The practice's address, behind the Spine Secure Proxy where there is one."""
    return f"{proxy.rstrip('/')}/{base}/{OPERATION}" if proxy else f"{base}/{OPERATION}"
