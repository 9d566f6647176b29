"""A hospital's own system reads records, with a public OAuth library: authlib's client and its `private_key_jwt`."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from django.utils import timezone

from aggregator.accounts.registration import NewClient
from aggregator.accounts.requester import operator
from aggregator.services.clients.end_client import end_client
from aggregator.services.clients.register_client import register_client
from tests.demonstration import Stories
from tests.door import PATIENCE_S, Answer, Visitor, issues, resources
from tests.signing import ec_key, key_set

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("logs_hold_nothing_identifying")]

NAME, ROYAL = "ward-system", "RZX"


@dataclass(frozen=True)
class Sent:
    """An answer as authlib reads one."""

    status_code: int
    text: str

    def json(self) -> Any:
        return json.loads(self.text)

    def raise_for_status(self) -> None:
        assert self.status_code < 500, self.text


class Session:
    """The least that authlib's client needs to send a request with."""

    def post(self, url: str, *, data: dict[str, str], headers: dict[str, str], auth: Any) -> Sent:
        url, headers, body = auth.prepare("POST", url, dict(headers), urllib.parse.urlencode(data))
        answer = ask(urllib.request.Request(url, data=body.encode(), headers=headers))
        return Sent(answer.status, answer.body)


def ask(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as sent:
            return Answer(sent.status, sent.read().decode(), sent.headers, sent.url)
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, refused.read().decode(), refused.headers, refused.url)


class System:
    """A system that finds out where tokens are given, gets one, and asks with it."""

    def __init__(self, *, base: str) -> None:
        self.base = base
        told = json.loads(ask(urllib.request.Request(f"{base}/fhir/.well-known/smart-configuration")).body)
        self.audience = told["token_endpoint"]
        self.client = OAuth2Client(Session(), NAME, ec_key(), token_endpoint_auth_method="private_key_jwt")

    def get_token(self, *, scope: str) -> dict[str, Any]:
        # By itself the library states an hour, and it uses the claims that it is given, with their id, again.
        claims = {"exp": int(time.time()) + 300}
        method = PrivateKeyJWT(self.audience, alg="ES384", claims=claims, headers={"kid": "ec"})
        self.client.register_client_auth_method(method)
        # Tests reach the service by another address than the one that it tells the world.
        url = self.base + urllib.parse.urlsplit(self.audience).path
        token: dict[str, Any] = self.client.fetch_token(url, grant_type="client_credentials", scope=scope)
        return token

    def everything(self, person: str) -> Answer:
        url, headers, _ = self.client.token_auth.prepare(f"{self.base}/fhir/Patient/{person}/$everything", {}, "")
        return ask(urllib.request.Request(url, headers=headers))


def test_a_system_reads_everything_without_the_practice_and_is_refused_what_its_scopes_lack(
    clinician: Visitor, stories: Stories, web: str
) -> None:
    register_client(
        requester=operator(),
        client=NewClient(
            oauth_id=NAME,
            name="Ward system",
            organisation_ods=ROYAL,
            key_set=key_set(),
            scopes="system/Patient.rs system/AllergyIntolerance.rs system/Provenance.r",
        ),
        now=timezone.now(),
    )
    (person,) = clinician.find(nhs_number=stories.by_slug["allergy-or-none"]["nhs_number"])
    by_clinician = clinician.everything(person).json()
    system = System(base=web)
    token = system.get_token(scope="system/Patient.r system/AllergyIntolerance.r system/Provenance.r")
    assert (token["token_type"], token["expires_in"]) == ("bearer", 300)
    answer = system.everything(person)
    assert answer.status == 200, answer.body
    bundle = answer.json()
    (practice,) = [words for words in issues(bundle).values() if "only to a named person" in words["diagnostics"]]
    assert practice["code"] == "incomplete"
    name = practice["diagnostics"].split(":")[0]
    assert "Answered" in issues(by_clinician)[name]["diagnostics"], "a person's question is answered"
    assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} == {
        *("Patient", "AllergyIntolerance", "Provenance", "OperationOutcome")
    }
    assert len(resources(bundle, "AllergyIntolerance")) < len(resources(by_clinician, "AllergyIntolerance"))
    assert resources(by_clinician, "Condition")
    with pytest.raises(OAuth2Error) as refused:
        system.get_token(scope="system/*.rs")
    assert refused.value.error == "invalid_scope"
    system.get_token(scope="system/AllergyIntolerance.rs")
    lacking = system.everything(person)
    assert lacking.status == 403
    assert 'error="insufficient_scope"' in lacking.headers["WWW-Authenticate"]
    system.get_token(scope="system/Patient.r")
    end_client(requester=operator(), oauth_id=NAME, reason="Replaced.", now=timezone.now())
    assert system.everything(person).status == 401
    with pytest.raises(OAuth2Error) as refused:
        system.get_token(scope="system/Patient.r")
    assert refused.value.error == "invalid_client"
