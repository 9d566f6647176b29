"""A person at the doors of the running web process: signs in by the form, searches, opens, reads. Plain HTTP."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from typing import Any

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
PERSON = re.compile(r'action="/people/([0-9a-f-]{36})/record"')
PATIENCE_S = 30


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: HTTPMessage
    address: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Visitor:
    """Keeps cookies, follows redirects, and takes an error status as an answer."""

    base: str
    _opener: urllib.request.OpenerDirector = field(init=False)

    def __post_init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask(urllib.request.Request(self.base + path, headers=headers))

    def post(self, path: str, *, form_on: str, **values: str) -> Answer:
        """Send a form that stands on the page `form_on`, with that page's token."""
        token = TOKEN.search(self.get(form_on).body)
        assert token, f"no form on {form_on}"
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **values}).encode()
        return self._ask(urllib.request.Request(self.base + path, data=body))

    def sign_in(self, username: str, password: str) -> None:
        answer = self.post("/sign-in", form_on="/sign-in", username=username, password=password)
        assert answer.status == 200, answer.status
        assert "Sign out" in answer.body

    def find(self, **search: str) -> list[str]:
        """Return the ids of the people found who can be opened."""
        return PERSON.findall(self.post("/", form_on="/", **search).body)

    def open(self, person_id: str) -> Answer:
        return self.post(f"/people/{person_id}/record", form_on="/")

    def everything(self, person_id: str) -> Answer:
        return self.get(f"/fhir/Patient/{person_id}/$everything")

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=PATIENCE_S) as found:
                return Answer(found.status, found.read().decode(), found.headers, found.url)
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.read().decode(), refused.headers, refused.url)


def issues(bundle: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return the issues of a searchset's OperationOutcome by the name of the source that each is about."""
    (outcome,) = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "outcome"]
    return {issue["diagnostics"].split(":")[0]: issue for issue in outcome["issue"]}


def resources(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the resources of one type in a searchset."""
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]
