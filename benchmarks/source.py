"""A fake source, in a process of its own: answers are made before anybody asks, and the record comes late.

The search for the person is answered at once, so that the delay of the record is what the source takes.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from benchmarks.records import BASE_PATH, people, read_record
from simulator.serving import serve
from simulator.wire import FHIR_JSON

CALLS_PATH, SLOW_PATH = "/_calls", "/_slow"


class Answers:
    """What one source answers, ready to be sent; and how often it was asked."""

    def __init__(self, *, number: int, path: Path, count: int, base: str, delay_s: float) -> None:
        fake = read_record(number=number, path=path)
        known = people(count=count)
        self._delay_s = delay_s
        self._capability = fake.capability(base=base)
        self._searched = {
            f"{fake.source.identifier_system}|{one.key}": fake.searched(person=one, base=base) for one in known
        }
        self._records = {str(fake.patient(person=one)["id"]): fake.record(person=one, base=base) for one in known}
        self._calls = 0
        self._records_asked = 0
        self._one_in, self._slow_s = 0, 0.0

    async def capability(self, _: web.Request) -> web.Response:
        """Answer with the CapabilityStatement."""
        return self._answer(body=self._capability)

    async def search(self, request: web.Request) -> web.Response:
        """Answer a search for the person by identifier."""
        return self._answer(body=self._searched.get(request.query.get("identifier", "")))

    async def everything(self, request: web.Request) -> web.Response:
        """Answer `$everything` after the delay, and one in so many later still."""
        self._records_asked += 1
        is_slow = self._one_in and self._records_asked % self._one_in == 0
        await asyncio.sleep(self._delay_s + (self._slow_s if is_slow else 0.0))
        return self._answer(body=self._records.get(request.match_info["id"]))

    async def slow(self, request: web.Request) -> web.Response:
        """Take how many records are one that comes late, 0 for none, and how late."""
        self._one_in, self._slow_s = int(request.query["one_in"]), float(request.query["seconds"])
        return web.Response()

    async def calls(self, _: web.Request) -> web.Response:
        """Say how often this source was asked."""
        return web.json_response(self._calls)

    def _answer(self, *, body: bytes | None) -> web.Response:
        self._calls += 1
        if body is None:
            return web.Response(status=404)
        return web.Response(body=body, content_type=FHIR_JSON, charset="utf-8")


def application(*, answers: Answers) -> web.Application:
    """Return the application of one source."""
    app = web.Application()
    app.router.add_routes(
        [
            web.get(CALLS_PATH, answers.calls),
            web.get(SLOW_PATH, answers.slow),
            web.get(f"{BASE_PATH}/metadata", answers.capability),
            web.get(f"{BASE_PATH}/Patient", answers.search),
            web.get(f"{BASE_PATH}/Patient/{{id}}/$everything", answers.everything),
        ]
    )
    return app


def main(arguments: list[str]) -> None:
    """Serve one source on a socket that listens already; print "ready" once requests are taken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.source", description=__doc__)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--delay-ms", type=int, required=True)
    parser.add_argument("--fd", type=int, required=True)
    options = parser.parse_args(arguments)
    listening = socket.socket(fileno=options.fd)
    answers = Answers(
        number=options.number,
        path=options.record,
        count=options.people,
        base=f"http://127.0.0.1:{listening.getsockname()[1]}{BASE_PATH}",
        delay_s=options.delay_ms / 1000,
    )
    uvloop.run(serve(app=application(answers=answers), sock=listening, ready=lambda: print("ready", flush=True)))


if __name__ == "__main__":
    main(sys.argv[1:])
