"""One talk with a practice's system that is examined: each request is one that a practice must judge by its rules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import msgspec

from connectors.contract.conformance import Examination
from connectors.contract.errors import SourceError
from connectors.contract.protocol import Channels
from connectors.contract.values import NOBODY, Identifier, SourceAddress
from connectors.credentials import tls_of
from connectors.examining import NEEDS_PATIENT, Untestable, expect_no_wait, object_in
from connectors.gp_connect import request
from connectors.transport.client import Answer, HttpTransport
from fhir_data.access import mapping, mappings, text
from fhir_data.identifiers import NHS_NUMBER_SYSTEM, is_nhs_number_system, is_test_nhs_number, nhs_numbers_of

NEEDS_ASKER = "nobody was named in whose name it is asked (--as)"
# No patient bears it, in any test data that is published; the check digit of the second is wrong.
NOBODYS_NUMBER, WRONG_NUMBER = "9997531981", "9997531982"
NEW_PARAMETER = "includeSomethingNew"
NONE: Mapping[str, str] = {}


@dataclass(kw_only=True)
class Practice:
    """What every check shares: what was asked, and what came."""

    source: SourceAddress
    examination: Examination
    channels: Channels
    _heard: dict[object, tuple[str, Answer | SourceError]] = field(default_factory=dict)

    @classmethod
    def begin(cls, source: SourceAddress, examination: Examination, channels: Channels, /) -> Self:
        """Begin to talk."""
        return cls(source=source, examination=examination, channels=channels)

    @property
    def base(self) -> str:
        """Return the address of its FHIR server."""
        return self.source.base_url.rstrip("/")

    async def metadata(self) -> Answer:
        """Return the answer to what it can do, for which nobody need be named.

        Raises: SourceError.
        """
        return (await self._ask(path=request.METADATA, interaction=request.METADATA_INTERACTION))[1]

    async def ask(
        self,
        body: bytes,
        /,
        *,
        without: str = "",
        interaction: str = request.INTERACTION,
        age_s: int = 0,
    ) -> Answer:
        """Ask for a record, once only, whoever asks for it. `without` names a header that is left out, and `age_s` is
        how long ago the token was made.

        Raises: SourceError; Untestable where the token would have to name somebody and nobody was.
        """
        if self.examination.asker is None and without != "Authorization":
            raise Untestable(NEEDS_ASKER)
        return (
            await self._ask(path=request.OPERATION, body=body, without=without, interaction=interaction, age_s=age_s)
        )[1]

    async def _ask(
        self, *, path: str, interaction: str, body: bytes | None = None, without: str = "", age_s: int = 0
    ) -> tuple[str, Answer]:
        """Return the trace id of a request, and what was answered."""
        key = (path, body, without, interaction, age_s)
        if key not in self._heard:
            trace_id = uuid4()
            headers = request.headers(
                asker=self.examination.asker or NOBODY,
                options=self.source.options,
                audience=self.base,
                now=int(time.time()) - age_s,
                trace_id=trace_id,
                interaction=interaction,
            )
            headers.pop(without, None)
            heard: Answer | SourceError
            try:
                heard = expect_no_wait(await self._send(path=path, headers=headers, body=body))
            except SourceError as error:
                heard = error
            self._heard[key] = (str(trace_id), heard)
        trace, heard = self._heard[key]
        if isinstance(heard, SourceError):
            raise heard
        return trace, heard

    async def _send(self, *, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        deadline = min(asyncio.get_running_loop().time() + self.examination.request_s, self.examination.deadline)
        return await self.channels.get(HttpTransport).request(
            method="GET" if body is None else "POST",
            url=request.behind_proxy(url=f"{self.base}/{path}", options=self.source.options),
            headers=headers,
            body=body,
            source_id=self.source.source_id,
            deadline=deadline,
            correlation_id=self.examination.correlation_id,
            tls=tls_of(self.source),
        )

    @property
    def number(self) -> str:
        """Return the test patient's NHS number.

        Raises: Untestable.
        """
        return _test_number(self.examination.patient, needs=NEEDS_PATIENT)

    @property
    def withheld_number(self) -> str:
        """Return the number of the patient whose record is to be refused.

        Raises: Untestable.
        """
        needs = "no test patient who dissents to sharing was named (--withheld-patient)"
        return _test_number(self.examination.patient_withheld, needs=needs)

    @property
    def number_or_nobodys(self) -> str:
        """Return the test patient's NHS number, or one that nobody bears."""
        return self.number if self.examination.patient is not None else NOBODYS_NUMBER

    async def record(self) -> tuple[str, Answer]:
        """Return the trace id of the request for the whole record of the test patient, and the answer.

        Raises: SourceError; Untestable.
        """
        number = self.number
        if self.examination.asker is None:
            raise Untestable(NEEDS_ASKER)
        body = request.parameters(nhs_number=number, areas=tuple(request.AREAS))
        return await self._ask(path=request.OPERATION, body=body, interaction=request.INTERACTION)

    async def resources(self) -> list[dict[str, Any]]:
        """Return what the record of the test patient holds.

        Raises: SourceError; Untestable where it did not come, or is about somebody who is no test patient.
        """
        _, answer = await self.record()
        bundle = object_in(answer.body)
        if answer.status != 200 or bundle.get("resourceType") != "Bundle":
            raise Untestable(f"the record of the test patient did not come (status {answer.status})")
        resources = [mapping(entry.get("resource")) for entry in mappings(bundle.get("entry"))]
        patients = [each for each in resources if each.get("resourceType") == "Patient"]
        if not all(is_test_nhs_number(number) for each in patients for number in nhs_numbers_of(each)):
            raise Untestable("what came is of a patient whose NHS number is not of the test range")
        return resources


def _test_number(identifier: Identifier | None, /, *, needs: str) -> str:
    if identifier is None:
        raise Untestable(needs)
    if not is_nhs_number_system(identifier.system) or not is_test_nhs_number(identifier.value):
        raise Untestable("the patient was not named by an NHS number of the test range")
    return identifier.value


def question(
    number: str, /, *further: Mapping[str, Any], system: str = NHS_NUMBER_SYSTEM, names_patient: bool = True
) -> bytes:
    """Return the Parameters of a request, be it one that keeps to the rules or not."""
    patient = {"name": "patientNHSNumber", "valueIdentifier": {"system": system, "value": number}}
    parameter = [*([patient] if names_patient else []), *further]
    return msgspec.json.encode({"resourceType": "Parameters", "parameter": parameter})


def of_type(resources: Sequence[Mapping[str, Any]], name: str, /) -> list[Mapping[str, Any]]:
    """Return the resources of a type."""
    return [each for each in resources if text(each.get("resourceType")) == name]
