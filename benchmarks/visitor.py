"""A user of the running web process: signs in by its form, reads pages, sends forms and hears events. Plain HTTP."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse

from launcher.processes import StartError

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Page:
    """What was answered; `location` is where a redirect leads, "" for any other answer."""

    status: int
    body: str
    location: str


class Visitor:
    """Keeps cookies and one connection, and sends forms with the token of the last page that had one."""

    def __init__(self, *, port: int) -> None:
        self._port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        self._cookies: dict[str, str] = {}
        self._token = ""

    def sign_in(self, *, username: str, password: str) -> None:
        """Sign in.

        Raises: StartError when the form is refused.
        """
        self.get(path="/sign-in")
        if self.post(path="/sign-in", form={"username": username, "password": password}).status != 302:
            raise StartError("the benchmark's user could not sign in.")

    def get(self, *, path: str) -> Page:
        """Read a page."""
        return self._ask("GET", path)

    def post(self, *, path: str, form: dict[str, str]) -> Page:
        """Send a form."""
        return self._ask("POST", path, body=urllib.parse.urlencode({"csrfmiddlewaretoken": self._token, **form}))

    def events(self, *, path: str) -> Iterator[str]:
        """Yield the kinds of the events of a stream until it ends, on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path, headers=self._headers())
            for line in connection.getresponse():
                if line.startswith(b"event: "):
                    yield line.removeprefix(b"event: ").decode().strip()
        finally:
            connection.close()

    def _ask(self, method: str, path: str, *, body: str = "") -> Page:
        headers = self._headers()
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = self._send(method, path, body, headers)
        except ConnectionError:  # closed since it was idle: a browser, too, then makes another
            answer = self._send(method, path, body, headers)
        text = answer.read().decode()
        self._keep_cookies(answer)
        if token := TOKEN.search(text):
            self._token = token[1]
        return Page(status=answer.status, body=text, location=answer.headers.get("Location", ""))

    def _send(self, method: str, path: str, body: str, headers: dict[str, str]) -> HTTPResponse:
        self._connection.request(method, path, body=body or None, headers=headers)
        return self._connection.getresponse()

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}

    def _keep_cookies(self, answer: HTTPResponse) -> None:
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self._cookies[name] = value
