#!/usr/bin/env python3
"""Reports to Longview how this system is: Python's standard library and nothing else.

    REPORT_TOKEN=... python3 report_health.py https://longview.example/api/sources/<id>/health \
        --probe http://127.0.0.1:8080/fhir/metadata --every 30

Every so many seconds it asks the address of --probe, and reports `up` where that answers with a success in time,
`degraded` where it takes longer than --slow, and `down` otherwise. Without --probe it reports what --status says.
With --once it reports once, and its exit status says whether that was taken.

A report must name nobody: no patient, no user.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

TIMEOUT_S = 10.0
# How long to wait where we are told that we report too often, and not for how long.
PAUSE_S = 30.0


class NotTaken(Exception):
    """A report was not taken. `status` 0: there was no answer. `wait_s`: when to try again."""

    def __init__(self, status: int, wait_s: float = 0.0) -> None:
        super().__init__(f"status {status}" if status else "no answer")
        self.status, self.wait_s = status, wait_s


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for the address that was named, and a sign-in page takes no report."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Leave the answer as it is, an error."""


_opener = urllib.request.build_opener(_NoRedirects)
TAKEN = 204


def report(*, url: str, token: str, status: str, message: str = "", interval_s: int | None = None) -> None:
    """Send one report.

    Raises: NotTaken.
    """
    body: dict[str, object] = {"status": status, "message": message[:200]}
    if interval_s is not None:
        body["interval_s"] = interval_s
    request = urllib.request.Request(  # noqa: S310  the operator of this system names the address
        url,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="POST",
    )
    try:
        with _opener.open(request, timeout=TIMEOUT_S) as answer:
            if answer.status != TAKEN:
                raise NotTaken(answer.status)  # of something else that answers there
    except urllib.error.HTTPError as error:
        after = error.headers.get("Retry-After", "")
        raise NotTaken(error.code, float(after) if after.isdigit() else PAUSE_S) from None
    except (OSError, http.client.HTTPException):
        raise NotTaken(0) from None


def probe(*, url: str, slow_s: float) -> tuple[str, str]:
    """Return how what is at an address is, and a message about it."""
    began = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310
            answer.read(1)
    except urllib.error.HTTPError as error:
        return "down", f"answers with status {error.code}"
    except (OSError, http.client.HTTPException):  # the second for what is no HTTP
        return "down", "does not answer"
    took_s = time.monotonic() - began
    return ("degraded", f"takes {took_s:.1f} s to answer") if took_s > slow_s else ("up", "")


def main() -> int:
    """Report once, or again and again until the process is stopped."""
    parser = argparse.ArgumentParser(description="Report to Longview how this system is.")
    parser.add_argument("url", help="the address to report to, as the source's page shows it")
    parser.add_argument("--probe", default="", help="an address whose answer says how this system is")
    parser.add_argument("--slow", type=float, default=2.0, metavar="SECONDS", help="slower than this is degraded")
    parser.add_argument("--status", choices=["up", "degraded", "down"], default="up")
    parser.add_argument("--message", default="")
    parser.add_argument("--every", type=int, default=30, metavar="SECONDS")
    parser.add_argument("--once", action="store_true")
    given = parser.parse_args()
    for address in filter(None, (given.url, given.probe)):
        if not address.startswith(("http://", "https://")):
            parser.error("an address begins with http:// or https://")
    token = os.environ.get("REPORT_TOKEN", "").strip()
    if not token:
        parser.error("set REPORT_TOKEN to the token of this source")
    while True:
        status, message = probe(url=given.probe, slow_s=given.slow) if given.probe else (given.status, given.message)
        wait_s = 0.0
        try:
            report(
                url=given.url,
                token=token,
                status=status,
                message=message,
                interval_s=None if given.once else given.every,
            )
        except NotTaken as error:
            sys.stderr.write(f"The report was not taken: {error}.\n")
            if given.once or error.status in {200, 301, 302, 303, 307, 308, 400, 401, 403, 404}:
                return 1
            wait_s = error.wait_s
        if given.once:
            return 0
        time.sleep(max(given.every, wait_s))


if __name__ == "__main__":
    sys.exit(main())
