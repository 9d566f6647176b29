"""Asks a GP practice for the structured record: one call for every area that the categories need.

Source: GP Connect Access Record Structured 1.6, "Retrieve a patient's structured record".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID, uuid4

import msgspec

from connectors import documents
from connectors.contract.categories import RecordCategory
from connectors.contract.conformance import Conformance
from connectors.contract.errors import NotAsked, Refused, SourceError, Unreachable
from connectors.contract.outcomes import Reason
from connectors.contract.protocol import Channels
from connectors.contract.values import (
    NOBODY,
    Asker,
    Capabilities,
    CheckedSource,
    Document,
    DocumentQuery,
    Query,
    Reply,
    SourceAddress,
)
from connectors.credentials import tls_of, unavailable
from connectors.gp_connect.answer import read_body
from connectors.gp_connect.conformance.checks import CONFORMANCE
from connectors.gp_connect.errors import error_of, outcome_in, spine_codes
from connectors.gp_connect.names import R4_TYPES
from connectors.gp_connect.request import (
    AREAS,
    DOCUMENT_INTERACTION,
    INTERACTION,
    METADATA,
    METADATA_INTERACTION,
    OPERATION,
    OPTIONS,
    areas_for,
    behind_proxy,
    headers,
    nhs_number_of,
    parameters,
)
from connectors.transport.client import Answer, HttpTransport
from connectors.transport.limits import Allowance
from connectors.transport.offload import Offload, Work
from connectors.transport.pace import Steps, finish
from fhir_data import shapes
from fhir_data.releases import Release
from fhir_data.size import rough_count
from fhir_data.verdict import warm_up

USUAL_TYPES = (
    "AllergyIntolerance Appointment Binary Condition DiagnosticReport DocumentReference Encounter Immunization List"
    " Location Medication MedicationRequest MedicationStatement Observation OperationOutcome Organization Patient"
    " Practitioner PractitionerRole ProcedureRequest QuestionnaireResponse ReferralRequest Specimen"
).split()
# It names no patient: a practice refuses it, and so shows that it is a practice.
NOBODYS_PARAMETERS = b'{"resourceType":"Parameters"}'


class _Operation(msgspec.Struct):
    name: str = ""


class _Rest(msgspec.Struct):
    operation: list[_Operation] = []


class _Statement(msgspec.Struct):
    fhir_version: str = msgspec.field(name="fhirVersion", default="")
    rest: list[_Rest] = []


class GpConnect:
    """The connector for GP practices. `now` is seconds since 1970, for the token's times."""

    kind: ClassVar[str] = "gp_connect"
    capabilities: ClassVar[Capabilities] = Capabilities(
        categories=frozenset[RecordCategory]().union(*AREAS.values()) | {RecordCategory.SUPPORTING},
        answers_serve_others=False,
        must_name_user=True,
    )
    options: ClassVar[Mapping[str, str]] = OPTIONS
    conformance: ClassVar[Conformance] = CONFORMANCE

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now

    def warm_up(self) -> None:
        """Make the models of the types that practices usually send, and the shapes by which they are translated."""
        warm_up(types=USUAL_TYPES, release=Release.STU3)
        shapes.warm_up(types=USUAL_TYPES, release=Release.STU3)
        later = [R4_TYPES.get(name, name) for name in USUAL_TYPES]
        shapes.warm_up(types=later, release=Release.R4)

    async def ask(self, *, source: SourceAddress, query: Query, channels: Channels) -> Reply:
        """Ask the practice for the patient and return its whole answer.

        Raises: SourceError.
        """
        nhs_number = nhs_number_of(identifiers=query.local_identifiers)
        if nhs_number is None:
            raise NotAsked(Reason.NO_LINK)
        areas = areas_for(categories=query.categories)
        answer = await self._send(
            source=source,
            path=OPERATION,
            body=parameters(nhs_number=nhs_number, areas=areas),
            asker=query.asker,
            deadline=query.deadline,
            correlation_id=query.correlation_id,
            transport=channels.get(HttpTransport),
        )
        if answer.status != 200:
            raise _error_of(answer)
        asked = tuple(category for area in areas for category in AREAS[area])
        work = Work(
            function=read_body,
            bodies=(answer.body,),
            inputs={"nhs_number": nhs_number, "asked": asked},
            result=Reply,
            connector=GpConnect,
        )
        return await channels.get(Offload).do(work, source_id=source.source_id, deadline=query.deadline)

    async def fetch_document(self, *, source: SourceAddress, query: DocumentQuery, channels: Channels) -> Document:
        """Read one document of the practice.

        Source: GP Connect Access Document 1.5, "Retrieve a document".
        Raises: SourceError.
        """
        base = source.base_url.rstrip("/")
        url = documents.address_of(address=query.address, base=base, beside_base=True)
        answer = await self._request(
            source=source,
            url=url,
            audience=url.rpartition("/Binary/")[0] or base,
            interaction=DOCUMENT_INTERACTION,
            asker=query.asker,
            deadline=query.deadline,
            correlation_id=query.correlation_id,
            transport=channels.get(HttpTransport),
            allowance=documents.allowance(),
        )
        if answer.status != 200:
            error = _error_of(answer)
            is_missing = answer.status in (404, 410) and error.reason is not Reason.PATIENT_CONSENT
            raise Refused(Reason.NO_DOCUMENT) if is_missing else error
        return await documents.read(
            body=answer.body,
            content_name="content",
            connector=GpConnect,
            source=source,
            channels=channels,
            deadline=query.deadline,
        )

    async def _send(
        self,
        *,
        source: SourceAddress,
        path: str,
        asker: Asker,
        deadline: float,
        correlation_id: UUID,
        transport: HttpTransport,
        body: bytes | None = None,
    ) -> Answer:
        base = source.base_url.rstrip("/")
        return await self._request(
            source=source,
            url=f"{base}/{path}",
            audience=base,
            interaction=METADATA_INTERACTION if path == METADATA else INTERACTION,
            asker=asker,
            deadline=deadline,
            correlation_id=correlation_id,
            transport=transport,
            body=body,
        )

    async def _request(
        self,
        *,
        source: SourceAddress,
        url: str,
        audience: str,
        interaction: str,
        asker: Asker,
        deadline: float,
        correlation_id: UUID,
        transport: HttpTransport,
        body: bytes | None = None,
        allowance: Allowance | None = None,
    ) -> Answer:
        def fresh_headers() -> dict[str, str]:  # a token is for one request, so a retry needs another
            return headers(
                asker=asker,
                options=source.options,
                audience=audience,
                now=int(self._now()),
                trace_id=uuid4(),
                interaction=interaction,
            )

        return await transport.request(
            method="GET" if body is None else "POST",
            url=behind_proxy(url=url, options=source.options),
            headers=fresh_headers,
            tls=tls_of(source),
            body=body,
            source_id=source.source_id,
            deadline=deadline,
            correlation_id=correlation_id,
            repeatable=True,  # a POST by name, a read by nature
            allowance=allowance,
        )

    async def check(self, *, source: SourceAddress, channels: Channels, deadline: float) -> CheckedSource:
        """Ask the practice what it can do and, where it does not say, for a record without naming a patient.

        Raises: SourceError.
        """
        values: dict[str, Any] = {
            "asker": NOBODY,
            "deadline": deadline,
            "correlation_id": uuid4(),
            "transport": channels.get(HttpTransport),
        }
        answer = await self._send(source=source, path=METADATA, **values)
        work = Work(function=_structured_record_release, bodies=(answer.body,), result=str, connector=GpConnect)
        offload = channels.get(Offload)
        release = await offload.do(work, source_id=source.source_id, deadline=deadline) if answer.status == 200 else ""
        if release:
            return CheckedSource(words=f"GP Connect, FHIR {release}, declares the structured record")
        answer = await self._send(source=source, path=OPERATION, body=NOBODYS_PARAMETERS, **values)
        refusal = Work(
            function=_is_practices_refusal,
            bodies=(answer.body,),
            inputs={"status": answer.status},
            result=bool,
            connector=GpConnect,
        )
        await offload.do(refusal, source_id=source.source_id, deadline=deadline)
        return CheckedSource(words="answers GP Connect requests")

    def convert(self, *, payload: bytes) -> Reply:
        """Make a Reply of a saved answer.

        Raises: Malformed; Refused or Unreachable when the file is a practice's refusal.
        """
        return finish(steps=read_body(bodies=(payload,)))


def _error_of(answer: Answer) -> SourceError:
    """Return the failure that a response stands for: what its body says, or how long its headers ask us to wait."""
    error = error_of(status=answer.status, body=answer.body)
    says_no_more = isinstance(error, Unreachable) and error.reason is Reason.STATUS
    return (unavailable(answer) or error) if says_no_more else error


def _structured_record_release(*, bodies: Sequence[bytes]) -> Steps[str]:
    """Return the FHIR release of a statement that declares the structured record, "" for any other body."""
    (body,) = bodies
    yield rough_count(body=body)
    try:
        statement = msgspec.json.decode(body, type=_Statement)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""
    declared = any(
        operation.name.removeprefix("$") == OPERATION.partition("$")[2]
        for rest in statement.rest
        for operation in rest.operation
    )
    return statement.fhir_version if declared else ""


def _is_practices_refusal(*, bodies: Sequence[bytes], status: int) -> Steps[bool]:
    """Return that a response to a request that names nobody is a practice's.

    Raises: the failure that any other response stands for.
    """
    (body,) = bodies
    yield rough_count(body=body)
    codes = spine_codes(issues=(outcome_in(body) or {}).get("issue"))
    error = error_of(status=status, body=body)
    if isinstance(error, Unreachable) or error.reason is Reason.CREDENTIALS or not codes:
        raise error  # any FHIR server may send an OperationOutcome; only a practice's has Spine codes
    return True
