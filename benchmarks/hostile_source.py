"""The sources of `benchmarks.hostile`, in a process of their own: `/<number>/` is one, `/good/` the ordinary one."""

from __future__ import annotations

import argparse
import json
import socket
import sys

import uvloop
from aiohttp import web

from benchmarks.hostile_answers import GOOD, HOSTILE, PATIENT, bundle, good_record
from simulator.serving import serve
from simulator.wire import FHIR_JSON

GOOD_ENTRIES = 120
STATEMENT = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-01-01",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "rest": [
        {
            "mode": "server",
            "resource": [
                {"type": "Patient", "interaction": [{"code": "search-type"}, {"code": "read"}]},
                {
                    "type": "Observation",
                    "interaction": [{"code": "search-type"}],
                    "searchParam": [{"name": "patient", "type": "reference"}],
                },
            ],
        }
    ],
}


def application() -> web.Application:
    """Return the application of all sources."""
    records = {str(number): answer.make() for number, answer in enumerate(HOSTILE.values())}
    records[GOOD] = good_record(count=GOOD_ENTRIES)
    statement, patient = json.dumps(STATEMENT).encode(), bundle()

    async def answer(request: web.Request) -> web.Response:
        path = request.match_info["tail"]
        body = statement if path == "metadata" else patient if path == PATIENT["resourceType"] else None
        return web.Response(body=body or records[request.match_info["source"]], content_type=FHIR_JSON)

    app = web.Application()
    app.router.add_route("*", "/{source}/{tail:.*}", answer)
    return app


def main(arguments: list[str]) -> None:
    """Serve on a socket that listens already; print "ready" once requests are taken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile_source", description=__doc__)
    parser.add_argument("--fd", type=int, required=True)
    listening = socket.socket(fileno=parser.parse_args(arguments).fd)
    uvloop.run(serve(app=application(), sock=listening, ready=lambda: print("ready", flush=True)))


if __name__ == "__main__":
    main(sys.argv[1:])
