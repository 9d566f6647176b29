"""A FHIR R4 source: capability statement, read, search, `$everything`, pages, errors as OperationOutcome.

Source: HL7 FHIR R4, "RESTful API" and "Search"; `Patient/[id]/$everything` as its operation definition has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from simulator.faults import Mode
from simulator.r4_search import (
    COMPARTMENT,
    BadPage,
    PageToken,
    capability_statement,
    provenance_of,
    read_token,
    searched_for,
    searchset,
)
from simulator.records import Holder, Records
from simulator.serving import (
    Answer,
    Asked,
    Desk,
    Make,
    add_operator_routes,
    broken_observation,
    fhir_response,
    outcome,
    own_root,
)
from simulator.smart_tokens import TokenGiver, ask_for_tokens
from simulator.wire import Resource

EVERYTHING = "$everything"


def r4_app(*, desk: Desk, giver: TokenGiver | None = None) -> web.Application:
    """Return the application of a FHIR R4 source; with a `giver` it answers to those alone who have its tokens."""
    server = R4Server(desk=desk)
    base = desk.records.settings.base_path
    app = web.Application()
    add_operator_routes(app=app, desk=desk)
    if giver is not None:
        ask_for_tokens(app=app, base_path=base, giver=giver)
    app.router.add_routes(
        [
            web.get(f"{base}/metadata", server.metadata),
            web.get(base, server.next_page),
            web.get(f"{base}/", server.next_page),
            web.get(f"{base}/Patient", server.find_patient),
            web.post(f"{base}/Patient/_search", server.find_patient),
            web.get(f"{base}/Patient/{{id}}/{{operation}}", server.everything),
            web.post(f"{base}/{{type}}/_search", server.search),
            web.get(f"{base}/{{type}}/{{id}}", server.read),
            web.get(f"{base}/{{type}}", server.search),
            web.route("*", "/{anything:.*}", server.not_there),
        ]
    )
    return app


class R4Server:
    """Answers the requests of a FHIR client from the records of one source."""

    def __init__(self, *, desk: Desk) -> None:
        self._desk = desk
        self._records: Records = desk.records

    async def metadata(self, request: web.Request) -> web.StreamResponse:
        """Answer with the CapabilityStatement."""
        settings = self._records.settings
        statement = capability_statement(
            name=settings.name,
            base=_base(request=request, records=self._records),
            types=self._records.types,
            everything=settings.everything,
            provenance=settings.provenance,
            today=datetime.now(tz=UTC).date().isoformat(),
        )
        return await self._answer(request=request, local_id="", make=lambda _: Answer(status=200, resource=statement))

    async def find_patient(self, request: web.Request) -> web.StreamResponse:
        """Answer a search for a Patient by identifier, id or demographics."""
        query = await _query(request=request)
        if not query.keys() & {"identifier", "_id", "family", "given", "birthdate"}:
            return _refused(status=400, code="required", text="Name an identifier, _id, family, given or birthdate.")
        holders = self._matching(query=query)
        local_id = holders[0].local_id if holders else ""

        def make(asked: Asked) -> Answer:
            first = [asked.local_id] if holders and asked.knows else []
            local_ids = (*first, *(holder.local_id for holder in holders[1:]))
            patients = [self._patient(local_id=identifier) for identifier in local_ids]
            bundle = searchset(
                base=_base(request=request, records=self._records),
                matches=patients,
                included=(),
                total=len(patients),
                self_link=_self_link(request=request, records=self._records),
                next_link="",
            )
            return Answer(status=200, resource=bundle, local_id=asked.local_id)

        return await self._answer(request=request, local_id=local_id, make=make)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """Answer a read of one resource by type and id."""
        kind, ident = request.match_info["type"], request.match_info["id"]
        holder = self._records.by_patient_id(patient_id=ident) if kind == "Patient" else None
        owner = holder.local_id if holder else self._owner_of(kind=kind, ident=ident)

        def make(asked: Asked) -> Answer:
            held = self._resources(asked=asked)
            of_kind = [r for r in held if r["resourceType"] == kind]
            resource = next((r for r in of_kind if holder or r.get("id") == ident), None)
            return Answer(status=200, resource=resource) if resource else _not_found(text=f"No such {kind}.")

        return await self._answer(request=request, local_id=owner, make=make)

    async def everything(self, request: web.Request) -> web.StreamResponse:
        """Answer `Patient/[id]/$everything`, where the source has it."""
        if request.match_info["operation"] != EVERYTHING or not self._records.settings.everything:
            return _refused(status=404, code="not-supported", text="This operation is not offered here.")
        query = dict(request.query)
        holder = self._records.by_patient_id(patient_id=request.match_info["id"])
        token = PageToken(local_id=holder.local_id if holder else "", query=query, kind=EVERYTHING, begin=0)
        return await self._page(request=request, token=token)

    async def search(self, request: web.Request) -> web.StreamResponse:
        """Answer a search of one type within one patient's record."""
        kind, query = request.match_info["type"], await _query(request=request)
        if kind not in self._records.types:
            return _refused(status=404, code="not-supported", text="This type is not held here.")
        if kind not in COMPARTMENT and "_id" not in query:
            return _refused(status=400, code="required", text="Name an _id.")
        patient = query.get("patient") or query.get("subject")
        if patient is None and "_id" not in query:
            return _refused(status=400, code="required", text="Name the patient.")
        if patient is None:
            owner = self._owner_of(kind=kind, ident=query["_id"])
        else:
            holder = self._records.by_patient_id(patient_id=patient.rpartition("/")[2])
            owner = holder.local_id if holder else ""
        return await self._page(request=request, token=PageToken(local_id=owner, query=query, kind=kind, begin=0))

    async def next_page(self, request: web.Request) -> web.StreamResponse:
        """Answer with the page that a `next` link names."""
        try:
            token = read_token(text=request.query.get("_getpages", ""))
        except BadPage:
            return _refused(status=410, code="not-found", text="No such page.")
        return await self._page(request=request, token=token)

    async def not_there(self, request: web.Request) -> web.StreamResponse:
        """Answer every other request."""
        if request.method not in ("GET", "HEAD"):
            return _refused(status=405, code="not-supported", text="This source is read only.")
        return _refused(status=404, code="not-found", text="Nothing is served at this address.")

    async def _page(self, *, request: web.Request, token: PageToken) -> web.StreamResponse:
        def make(asked: Asked) -> Answer:
            if token.kind == EVERYTHING and not (asked.local_id and asked.knows):
                return _not_found(text="No such Patient.")
            resources = self._resources(asked=asked)
            matches = self._matches(token=token, resources=resources)
            return self._bundle(request=request, token=token, matches=matches, resources=resources)

        return await self._answer(request=request, local_id=token.local_id, make=make)

    def _matches(self, *, token: PageToken, resources: Sequence[Resource]) -> list[Resource]:
        if token.kind != EVERYTHING:
            return searched_for(resources=resources, kind=token.kind, query=token.query)
        types = token.query.get("_type", "")
        return [r for r in resources if not types or r["resourceType"] in types.split(",")]

    def _bundle(
        self,
        *,
        request: web.Request,
        token: PageToken,
        matches: Sequence[Resource],
        resources: Sequence[Resource],
    ) -> Answer:
        size = _page_size(query=token.query, most=self._records.settings.page_size, total=len(matches))
        shown = matches[token.begin : token.begin + size]
        included: list[Resource] = []
        if self._records.settings.provenance and token.query.get("_revinclude") == "Provenance:target":
            included = provenance_of(resources=resources, targets=shown)
        base = _base(request=request, records=self._records)
        after = token.begin + size
        next_link = ""
        if after < len(matches):
            later = PageToken(local_id=token.local_id, query=token.query, kind=token.kind, begin=after)
            next_link = f"{base}?{urlencode({'_getpages': later.written()})}"
        return Answer(
            status=200,
            local_id=token.local_id,
            resource=searchset(
                base=base,
                matches=shown,
                included=included,
                total=len(matches),
                self_link=_self_link(request=request, records=self._records),
                next_link=next_link,
            ),
        )

    def _resources(self, *, asked: Asked) -> list[Resource]:
        """Return the record as the source is made to believe that it is, with the shared resources it refers to."""
        if not asked.local_id or not asked.knows:
            return list(self._records.shared)
        held = self._records.resources(local_id=asked.local_id)
        if asked.holds_nothing:
            return [r for r in held if r["resourceType"] == "Patient"]
        if asked.fault and asked.fault.mode is Mode.INVALID_ENTRY:
            held.append(broken_observation(patient_id=self._records.holders[asked.local_id].patient_id))
        written = str(held) if self._records.shared else ""
        return held + [r for r in self._records.shared if f"'{r['resourceType']}/{r.get('id')}'" in written]

    def _patient(self, *, local_id: str) -> Resource:
        held = self._records.resources(local_id=local_id)
        return next(r for r in held if r["resourceType"] == "Patient")

    def _matching(self, *, query: Mapping[str, str]) -> list[Holder]:
        if "identifier" in query:
            system, bar, value = query["identifier"].rpartition("|")
            holders = self._records.by_identifier(system=system if bar else None, value=value)
        elif "_id" in query:
            holder = self._records.by_patient_id(patient_id=query["_id"])
            holders = [holder] if holder else []
        else:
            holders = list(self._records.holders.values())
        return [holder for holder in holders if _fits(holder=holder, query=query)]

    def _owner_of(self, *, kind: str, ident: str) -> str:
        """Return whose record holds a resource, "" if nobody's does; rarely needed, so it searches every record."""
        for local_id in self._records.holders:
            if any(
                r["resourceType"] == kind and r.get("id") == ident for r in self._records.resources(local_id=local_id)
            ):
                return local_id
        return ""

    async def _answer(self, *, request: web.Request, local_id: str, make: Make) -> web.StreamResponse:
        if request.query.get("_format", "json") not in ("json", "application/json", "application/fhir+json"):
            return _refused(status=406, code="not-supported", text="Only JSON is spoken here.")
        return await self._desk.answer(request=request, local_id=local_id, make=make)


def _fits(*, holder: Holder, query: Mapping[str, str]) -> bool:
    """Match as FHIR R4 string search does: the start of the value, ignoring case."""
    return (
        holder.family.casefold().startswith(query.get("family", "").casefold())
        and holder.given.casefold().startswith(query.get("given", "").casefold())
        and holder.birth_date.startswith(query.get("birthdate", "").removeprefix("eq"))
    )


def _page_size(*, query: Mapping[str, str], most: int, total: int) -> int:
    asked = query.get("_count", "")
    count = int(asked) if asked.isdigit() and int(asked) else 0
    if count and most:
        return min(count, most)
    return count or most or max(1, total)


def _base(*, request: web.Request, records: Records) -> str:
    """Return the address by which the source names itself: behind a gateway not the one at which it was asked."""
    return records.settings.public_base or own_root(request=request) + records.settings.base_path


def _self_link(*, request: web.Request, records: Records) -> str:
    below = request.path_qs.removeprefix(records.settings.base_path)
    return f"{_base(request=request, records=records)}{below}"


async def _query(*, request: web.Request) -> dict[str, str]:
    form = await request.post() if request.method == "POST" else {}
    return {**request.query, **{name: str(value) for name, value in form.items()}}


def _not_found(*, text: str) -> Answer:
    return Answer(status=404, resource=outcome(code="not-found", text=text))


def _refused(*, status: int, code: str, text: str) -> web.Response:
    return fhir_response(status=status, resource=outcome(code=code, text=text))
