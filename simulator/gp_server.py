"""A GP practice's system: GP Connect over the records of one practice, the structured record and its documents.

Source: GP Connect Access Record Structured 1.6, "Retrieve a patient's structured record"; GP Connect Access Document
1.5, "Retrieve a document".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web

from simulator.faults import Mode
from simulator.gp_areas import answer_of
from simulator.gp_errors import SpineError, not_supported, spine_outcome
from simulator.gp_parameters import Asked as Question
from simulator.gp_parameters import read_parameters
from simulator.gp_token import DOCUMENT_INTERACTION, INTERACTION, check_headers, check_token
from simulator.records import Records
from simulator.serving import Answer, Asked, Desk, add_operator_routes, broken_observation, own_root
from simulator.stu3_writer import BUNDLE_PROFILE
from simulator.wire import Resource

OPERATION = "$gpc.getstructuredrecord"


def gp_app(*, desk: Desk) -> web.Application:
    """Return the application of a GP practice's system."""
    server = GpServer(desk=desk)
    base = desk.records.settings.base_path
    app = web.Application()
    add_operator_routes(app=app, desk=desk)
    app.router.add_routes(
        [
            web.get(f"{base}/metadata", server.metadata),
            web.post(f"{base}/Patient/{{operation}}", server.structured_record),
            web.get(f"{desk.records.settings.documents_path}/Binary/{{id}}", server.document),
            web.route("*", "/{anything:.*}", server.not_there),
        ]
    )
    return app


class GpServer:
    """Answers from the records of one practice."""

    def __init__(self, *, desk: Desk) -> None:
        self._desk = desk
        self._records: Records = desk.records

    async def metadata(self, request: web.Request) -> web.StreamResponse:
        """Answer with the CapabilityStatement."""
        today = datetime.now(tz=UTC).date().isoformat()
        statement: Resource = {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": today,
            "kind": "instance",
            "version": "1.6.2",
            "software": {"name": "Simulator"},
            "fhirVersion": "3.0.1",
            "acceptUnknown": "both",
            "format": ["application/fhir+json"],
            "rest": [
                {
                    "mode": "server",
                    "operation": [
                        {
                            "name": OPERATION.removeprefix("$"),
                            "definition": {
                                "reference": "https://fhir.nhs.uk/STU3/OperationDefinition/GPConnect-GetStructuredRecord-Operation-1"
                            },
                        }
                    ],
                }
            ],
        }
        return await self._desk.answer(
            request=request, local_id="", make=lambda _: Answer(status=200, resource=statement)
        )

    async def structured_record(self, request: web.Request) -> web.StreamResponse:
        """Answer `$gpc.getstructuredrecord`."""
        if request.match_info["operation"] != OPERATION:
            return await self.not_there(request)
        now = datetime.now(tz=UTC)
        try:
            settings = self._records.settings
            trace_id = self._check(request=request, now=now, interaction=INTERACTION, base_path=settings.base_path)
            question = read_parameters(body=await request.read(), unsupported=settings.unsupported, today=now.date())
        except SpineError as refused:
            return await self._refuse(request=request, refused=refused)
        documents = own_root(request=request) + settings.documents_path
        make = self._maker(question=question, trace_id=trace_id, documents=documents)
        return await self._desk.answer(request=request, local_id=question.number, make=make)

    async def document(self, request: web.Request) -> web.StreamResponse:
        """Answer a read of the content of one document."""
        settings = self._records.settings
        try:
            self._check(
                request=request,
                now=datetime.now(tz=UTC),
                interaction=DOCUMENT_INTERACTION,
                base_path=settings.documents_path,
            )
        except SpineError as refused:
            return await self._refuse(request=request, refused=refused)
        owner, content = self._content(ident=request.match_info["id"])

        def make(asked: Asked) -> Answer:
            if content is None or not asked.knows:
                return _as_answer(refused=SpineError(code="NO_RECORD_FOUND", diagnostics="no such document"))
            return Answer(status=200, local_id=asked.local_id, resource=content)

        return await self._desk.answer(request=request, local_id=owner, make=make)

    def _content(self, *, ident: str) -> tuple[str, Resource | None]:
        """Return whose a document is, and its content; searches every record, since it is rarely needed."""
        for local_id in self._records.holders:
            for resource in self._records.resources(local_id=local_id):
                if resource["resourceType"] == "Binary" and resource.get("id") == ident:
                    return local_id, resource
        return "", None

    async def not_there(self, request: web.Request) -> web.StreamResponse:
        """Answer every other request."""
        refused = SpineError(code="NOT_IMPLEMENTED", diagnostics="this interaction is not offered here")
        return await self._refuse(request=request, refused=refused)

    def _check(self, *, request: web.Request, now: datetime, interaction: str, base_path: str) -> str:
        asid = self._records.settings.options.get("to_asid", "")
        trace_id = check_headers(headers=request.headers, asid=asid, interaction=interaction)
        check_token(
            authorization=request.headers.get("Authorization", ""),
            now=int(now.timestamp()),
            base_url=own_root(request=request) + base_path,
        )
        return trace_id

    def _maker(self, *, question: Question, trace_id: str, documents: str) -> Callable[[Asked], Answer]:
        """Return what makes the answer. `documents` is the address below which the content of letters is."""

        def make(asked: Asked) -> Answer:
            try:
                resources = self._resources(asked=asked)
            except SpineError as refused:
                return _as_answer(refused=refused)
            entries = [
                _addressed(resource=resource, documents=documents)
                for resource in answer_of(resources=resources, asked=question)
            ]
            if asked.fault and asked.fault.mode is Mode.INVALID_ENTRY:
                entries.append(broken_observation(patient_id=self._records.holders[asked.local_id].patient_id))
            entries += [not_supported(parameter=name) for name in question.unsupported]
            return Answer(
                status=200,
                local_id=asked.local_id,
                resource={
                    "resourceType": "Bundle",
                    "id": trace_id,
                    "meta": {"profile": [BUNDLE_PROFILE]},
                    "type": "collection",
                    "entry": [{"resource": resource} for resource in entries],
                },
            )

        return make

    def _resources(self, *, asked: Asked) -> list[Resource]:
        """Return the person's whole record, as the practice is made to believe that it is.

        Raises: SpineError.
        """
        if asked.fault and asked.fault.mode is Mode.SPINE_ERROR:
            raise SpineError(code=asked.fault.code, diagnostics="ordered by a fault")
        holder = self._records.holders.get(asked.local_id)
        if holder is None or not holder.verified or not asked.knows:
            raise SpineError(code="PATIENT_NOT_FOUND", diagnostics="no patient with this number")
        resources = self._records.resources(local_id=asked.local_id)
        if asked.holds_nothing:
            return [
                r for r in resources if r["resourceType"] in ("Patient", "Organization", "Practitioner", "Location")
            ]
        return resources

    async def _refuse(self, *, request: web.Request, refused: SpineError) -> web.StreamResponse:
        return await self._desk.answer(request=request, local_id="", make=lambda _: _as_answer(refused=refused))


def _addressed(*, resource: Resource, documents: str) -> Resource:
    """Return a letter with the whole addresses of its content, and any other resource as it is."""
    if resource["resourceType"] != "DocumentReference":
        return resource
    content = [
        {**part, "attachment": {**part["attachment"], "url": f"{documents}/{part['attachment']['url']}"}}
        if str(part["attachment"].get("url", "")).startswith("Binary/")
        else part
        for part in resource["content"]
    ]
    return {**resource, "content": content}


def _as_answer(*, refused: SpineError) -> Answer:
    return Answer(
        status=refused.status,
        resource=spine_outcome(code=refused.code, diagnostics=refused.diagnostics, issue=refused.issue),
    )
