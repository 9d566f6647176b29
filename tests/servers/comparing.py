"""Reads everybody through the connector, and compares what comes with the raw resources that name the patient."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from joserfc import jwk

from connectors.contract.categories import CLINICAL_CATEGORIES, RecordCategory
from connectors.contract.errors import SourceError
from connectors.contract.protocol import Channels
from connectors.contract.values import Identifier, Query, Reply, SourceAddress
from connectors.fhir_r4.connector import FhirR4
from connectors.promises.serving import LOOPBACK
from connectors.promises.stage import ASKER
from connectors.transport.channels import LoopChannels
from connectors.transport.client import HttpTransport
from fhir_data.heads import entry_name
from tests.servers.gateway import BASE, CLIENT_ID, Gateway, standing
from tests.servers.raw import references

SECONDS = 60.0
BILLING, SUPPORTING = RecordCategory.BILLING.types, RecordCategory.SUPPORTING.types
# What none of these counts may be more than, for a record to be complete and only the patient's.
FAULTS = ("failed", "in part", "missing", "changed", "not the patient's")

Raw = dict[str, dict[str, Any]]


async def compare(*, base: str, public: str, raw: Raw) -> Counter[str]:
    """Return the figures of everybody's record, tokens on and behind a gateway."""
    key = jwk.generate_key("RSA", 2048)
    with TemporaryDirectory() as folder:
        secret = Path(folder) / "key"
        secret.write_bytes(key.as_pem(private=True))
        async with (
            standing(behind=base, public_key=key.as_dict(private=False)) as gateway,
            LoopChannels(HttpTransport(reach=LOOPBACK)) as channels,
        ):
            source = SourceAddress(
                source_id="tried",
                base_url=gateway.origin + BASE,
                options={"auth": "smart", "client_id": CLIENT_ID, "key_secret": "key", "public_base": public},
                secrets={"key_secret": secret},
            )
            deadline = asyncio.get_running_loop().time() + SECONDS
            checked = await FhirR4().check(source=source, channels=channels, deadline=deadline)
            print(f"  checked: {checked.words}")
            figures = await _everybody(source=source, channels=channels, raw=raw)
            figures += _of_gateway(gateway)
            return figures


async def _everybody(*, source: SourceAddress, channels: Channels, raw: Raw) -> Counter[str]:
    figures: Counter[str] = Counter()
    about = _by_patient(raw)
    for name in sorted(name for name in raw if name.startswith("Patient/")):
        own = raw[name]["identifier"][0]
        query = Query(
            local_identifiers=(Identifier(system=own["system"], value=own["value"]),),
            categories=CLINICAL_CATEGORIES,
            asker=ASKER,
            deadline=asyncio.get_running_loop().time() + SECONDS,
            correlation_id=uuid4(),
        )
        began = time.monotonic()
        figures["people"] += 1
        try:
            reply = await FhirR4().ask(source=source, query=query, channels=channels)
        except SourceError as error:
            print(f"  somebody's record ended as {error}")
            figures["failed"] += 1
            continue
        figures += _figures_of(reply=reply, about=about.get(name, set()), raw=raw)
        figures["ms"] += round((time.monotonic() - began) * 1000)
    return figures


def _by_patient(raw: Raw) -> dict[str, set[str]]:
    """Return the names of all resources that refer to each Patient, in whatever member."""
    about: dict[str, set[str]] = {}
    for name, resource in raw.items():
        for reference in references(resource):
            if reference.startswith("Patient/") and reference != name:
                about.setdefault(reference, set()).add(name)
    return about


def _figures_of(*, reply: Reply, about: set[str], raw: Raw) -> Counter[str]:
    came = {entry_name(entry=item.resource): item.resource for item in reply.items}
    ours = {name for name in came if not _is_of(name, BILLING)}
    expected = {name for name in about if not _is_of(name, BILLING)}
    beside = ours - expected
    return Counter(
        {
            "raw": len(about),
            "billing": len(about - expected),
            "expected": len(expected),
            "ours": len(ours & expected),
            "supporting": len(beside),
            "missing": len(expected - ours),
            "changed": sum(json.loads(came[name]) != raw.get(name, {}) for name in ours),
            "not the patient's": sum(not _is_of(name, SUPPORTING) for name in beside),
            "set aside": len(reply.quarantined),
            "in part": reply.in_part is not None,
        }
    )


def _is_of(name: str, types: frozenset[str]) -> bool:
    return name.partition("/")[0] in types


def _of_gateway(gateway: Gateway) -> Counter[str]:
    return Counter({"requests": gateway.asked, "tokens": gateway.tokens_given, "turned away": gateway.turned_away})
