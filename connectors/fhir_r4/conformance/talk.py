"""One talk with a FHIR server that is examined: what was asked and answered so far, and what was read off it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

from connectors.addresses import joined, page_address
from connectors.contract.conformance import Examination
from connectors.contract.errors import Refused, SourceError
from connectors.contract.protocol import Channels
from connectors.contract.values import Identifier, SourceAddress
from connectors.credentials import send_with_credentials, tls_of
from connectors.examining import FHIR_JSON, NEEDS_PATIENT, Untestable, expect_no_wait, object_in, type_in, words_of
from connectors.fhir_r4.answer import own_bases
from connectors.fhir_r4.capability import EXPECTED
from connectors.reading import expect_bundle, split_answer
from connectors.transport.client import Answer, HttpTransport
from fhir_data.access import JsonObject, listed, mappings, text, texts
from fhir_data.identifiers import identifiers_of, is_test_nhs_number, nhs_numbers_of, token_of
from fhir_data.references import may_enter_path
from fhir_data.splitting import SplitPayload

_LOGICAL_ID_SYSTEMS = ("", "id")
NOBODYS_SYSTEM = "urn:ietf:rfc:3986"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a statement declares of one type."""

    can_search: bool = False
    parameters: frozenset[str] = frozenset()
    rev_includes: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()

    @property
    def by_patient(self) -> str:
        """Return the parameter by which a patient's entries are searched for, "" for none."""
        return next((name for name in ("patient", "subject") if name in self.parameters), "")


@dataclass(frozen=True, kw_only=True)
class TestPatient:
    """The patient whom the operator named, as the server has them."""

    __test__ = False  # no test of pytest's

    id: str
    resource: Mapping[str, Any]


@dataclass(kw_only=True)
class Talk:
    """What every check shares. `errors` are the answers by which something was refused, `answers` all that were to be
    JSON, and `given` the resources that came."""

    source: SourceAddress
    examination: Examination
    channels: Channels
    answers: list[Answer] = field(default_factory=list)
    errors: list[Answer] = field(default_factory=list)
    given: dict[bytes, None] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    nobody: str = field(default_factory=lambda: str(uuid4()))
    _heard: dict[tuple[str, ...], Answer | SourceError] = field(default_factory=dict)
    _patient: TestPatient | str | None = None

    @classmethod
    def begin(cls, source: SourceAddress, examination: Examination, channels: Channels, /) -> Self:
        """Begin to talk."""
        return cls(source=source, examination=examination, channels=channels)

    @property
    def base(self) -> str:
        """Return the address that paths are put after."""
        return self.source.base_url.rstrip("/")

    async def get(
        self,
        path: str,
        /,
        *,
        accept: str = FHIR_JSON,
        prefer: str = "",
        form: str = "",
        is_open: bool = False,
    ) -> Answer:
        """Ask for a path under the base, or a whole address; once only, whoever asks for it. A form is sent by POST.

        `is_open`: nothing says who asks.
        Raises: SourceError.
        """
        key = (path, accept, prefer, form, str(is_open))
        if key not in self._heard:
            try:
                answer = expect_no_wait(
                    await self._send(path, accept=accept, prefer=prefer, form=form, is_open=is_open)
                )
            except SourceError as error:
                self._heard[key] = error
            else:
                self._heard[key] = answer
                if accept == FHIR_JSON:
                    self.answers.append(answer)
        heard = self._heard[key]
        if isinstance(heard, SourceError):
            raise heard
        return heard

    async def _send(self, path: str, /, *, accept: str, prefer: str, form: str, is_open: bool) -> Answer:
        headers = {"Accept": accept}
        if prefer:
            headers["Prefer"] = prefer
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        deadline = min(asyncio.get_running_loop().time() + self.examination.request_s, self.examination.deadline)
        method, body = ("POST", form.encode()) if form else ("GET", None)
        url = path if path.startswith(("https://", "http://")) else f"{self.base}/{path}"
        if is_open:
            return await self.channels.get(HttpTransport).request(
                method=method,
                url=url,
                headers=headers,
                body=body,
                source_id=self.source.source_id,
                deadline=deadline,
                correlation_id=self.examination.correlation_id,
                repeatable=True,
                tls=tls_of(self.source),
            )
        return await send_with_credentials(
            source=self.source,
            channels=self.channels,
            method=method,
            url=url,
            headers=headers,
            body=body,
            deadline=deadline,
            correlation_id=self.examination.correlation_id,
        )

    async def refused(self, path: str, /, *, prefer: str = "") -> Answer:
        """Ask for what is to be refused, and keep the answer among the errors where it is one.

        Raises: SourceError; Untestable where we are not let in at all.
        """
        answer = expect_let_in(await self.get(path, prefer=prefer))
        if answer.status >= 400:
            self.errors.append(answer)
        return answer

    async def metadata(self) -> Answer:
        """Return the answer to what it can do. Where it does not accept who asks, it may still say so to anybody.

        Raises: SourceError.
        """
        try:
            return await self.get("metadata")
        except Refused:
            return await self.get("metadata", is_open=True)

    async def statement(self) -> JsonObject:
        """Return the CapabilityStatement.

        Raises: Untestable where there is none.
        """
        try:
            answer = await self.metadata()
        except SourceError as error:
            raise Untestable(f"it has no capability statement ({words_of(error)})") from None
        if answer.status != 200 or type_in(answer) != "CapabilityStatement":
            raise Untestable("it has no capability statement")
        return object_in(answer.body)

    async def declared(self) -> dict[str, Declared]:
        """Return what the statement declares, by type.

        Raises: Untestable.
        """
        return declared_in(await self.statement())

    async def searchable(self) -> dict[str, Declared]:
        """Return what the statement declares, by type; without one what every server of records should have.

        Raises: SourceError.
        """
        try:
            return await self.declared()
        except Untestable:
            return {name: Declared(can_search=True, parameters=frozenset({"patient"})) for name in sorted(EXPECTED)}

    async def page(self, path: str, /) -> SplitPayload:
        """Return the Bundle at a path, and keep what is in it.

        Raises: SourceError, Malformed where it is none; Untestable for another status than 200.
        """
        answer = await self.get(path)
        if answer.status != 200:
            raise Untestable(f"status {answer.status} to a search")
        page = expect_bundle(split_answer(payload=answer.body))
        for entry in page.entries:
            self.given[entry.sent] = None
        whole = ((relation, joined(address=address, to=f"{self.base}/{path}")) for relation, address in page.links)
        self.called.extend(name for name in own_bases(links=whole) if name not in self.called)
        return page

    def next_of(self, page: SplitPayload, /, *, on: str) -> tuple[str, str] | None:
        """Return the next link of a page as it was sent, and where it is to be asked for, "" where that is elsewhere.

        `on` is the address of the page. None: it has no such link.
        """
        sent = next((address for relation, address in page.links if relation == "next"), "")
        if not sent:
            return None
        names = [self.source.options.get("public_base", "").rstrip("/"), *self.called]
        own = page_address(address=sent, on=on, base=self.base, names=[name for name in names if name])
        return sent, own

    def identifier_search(self, identifier: Identifier, /) -> str:
        """Return the search for an identifier, as it stands in an address or a form."""
        system, value = (quote(part, safe="") for part in (identifier.system, identifier.value))
        return f"identifier={system}%7C{value}"

    def nobodys_search(self) -> str:
        """Return the search for an identifier that nobody bears."""
        return self.identifier_search(Identifier(system=NOBODYS_SYSTEM, value=f"urn:uuid:{self.nobody}"))

    async def bearers(self) -> list[dict[str, Any]]:
        """Return the Patients that the search for the test patient gave.

        Raises: SourceError; Untestable where none was named, or they are named by their FHIR id.
        """
        identifier = self.examination.patient
        if identifier is None:
            raise Untestable(NEEDS_PATIENT)
        if identifier.system in _LOGICAL_ID_SYSTEMS:
            raise Untestable("the test patient was named by their FHIR id (--patient SYSTEM|VALUE)")
        if self.source.options.get("search") == "post":
            answer = await self.get("Patient/_search", form=self.identifier_search(identifier))
            if answer.status != 200:
                raise Untestable(f"status {answer.status} to a search")
            page = expect_bundle(split_answer(payload=answer.body))
        else:
            page = await self.page(f"Patient?{self.identifier_search(identifier)}")
        resources = [
            object_in(entry.resource) for entry in page.entries if entry.resource is not None and entry.is_match
        ]
        return [resource for resource in resources if resource.get("resourceType") == "Patient"]

    async def patient(self) -> TestPatient:
        """Return the test patient. Of one whose NHS number is not of the test range nothing more is read.

        Raises: Untestable.
        """
        if self._patient is None:
            try:
                self._patient = await self._found_patient()
            except Untestable as why:
                self._patient = str(why)
            except SourceError as error:
                self._patient = f"the test patient could not be read ({words_of(error)})"
        if isinstance(self._patient, str):
            raise Untestable(self._patient)
        return self._patient

    async def _found_patient(self) -> TestPatient:
        identifier = self.examination.patient
        if identifier is None:
            raise Untestable(NEEDS_PATIENT)
        if identifier.system in _LOGICAL_ID_SYSTEMS:
            if not may_enter_path(text=identifier.value):
                raise Untestable("the test patient's id cannot be one of FHIR")
            answer = await self.get(f"Patient/{identifier.value}")
            found = [object_in(answer.body)] if answer.status == 200 and type_in(answer) == "Patient" else []
        else:
            wanted = token_of({"system": identifier.system, "value": identifier.value})
            found = [bearer for bearer in await self.bearers() if wanted in identifiers_of(bearer)]
        if len(found) != 1:
            raise Untestable(f"{len(found)} Patients bear the test patient's identifier")
        if not all(is_test_nhs_number(number) for number in nhs_numbers_of(found[0])):
            raise Untestable("the patient has an NHS number that is not of the test range: nothing more was read")
        patient_id = text(found[0].get("id"))
        if not may_enter_path(text=patient_id):
            raise Untestable("the test patient has no id")
        return TestPatient(id=patient_id, resource=found[0])


def expect_let_in(answer: Answer, /) -> Answer:
    """Return an answer.

    Raises: Untestable for one that only says that we are not let in.
    """
    if answer.status in (401, 403):
        raise Untestable(f"status {answer.status}: it does not accept who is asking")
    return answer


def declared_in(statement: JsonObject, /) -> dict[str, Declared]:
    """Return what a statement declares, by type; what it declares of one type in several places is put together."""
    declared: dict[str, Declared] = {}
    for rest in mappings(listed(statement.get("rest"))):
        if rest.get("mode", "server") != "server":
            continue
        for resource in mappings(listed(rest.get("resource"))):
            name = text(resource.get("type"))
            before = declared.get(name, Declared())
            codes = {text(each.get("code")) for each in mappings(listed(resource.get("interaction")))}
            declared[name] = Declared(
                can_search=before.can_search or "search-type" in codes,
                parameters=before.parameters | _names(resource.get("searchParam")),
                rev_includes=before.rev_includes | frozenset(texts(resource.get("searchRevInclude"))),
                operations=before.operations | {each.removeprefix("$") for each in _names(resource.get("operation"))},
            )
    return declared


def _names(value: object, /) -> frozenset[str]:
    return frozenset(text(each.get("name")) for each in mappings(listed(value)))
