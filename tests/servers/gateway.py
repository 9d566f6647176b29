"""A gateway before a server: it gives tokens by SMART Backend Services, and lets through only who brings one."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import yarl
from aiohttp import ClientSession, web
from joserfc import jwk, jwt

from connectors.credentials import ASSERTION_TYPE
from tests.contract.loopback import fhir_json

BASE, TOKENS, CLIENT_ID, TOKEN_S = "/gateway/fhir", "/oauth/token", "longview-at-the-hospital", 20
PASSED_ON = ("accept", "content-type", "content-encoding", "retry-after")


class Gateway:
    """It stands before the server at `behind`. `asked` counts what it let through, `turned_away` what it did not."""

    def __init__(self, *, behind: str, public_key: dict[str, Any], session: ClientSession) -> None:
        self.behind, self.session = behind, session
        self.key = jwk.import_key(public_key)
        self.asked = self.turned_away = self.tokens_given = 0
        self.origin = ""
        self._tokens: dict[str, float] = {}
        self._used: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.path == f"{BASE}/.well-known/smart-configuration":
            return web.json_response({"token_endpoint": self.origin + TOKENS})
        if request.path == TOKENS:
            return self._token(dict(await request.post()))
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.get(bearer, 0.0) < time.time():
            self.turned_away += 1
            return fhir_json({"resourceType": "OperationOutcome", "issue": []}, status=401)
        self.asked += 1
        url = yarl.URL(self.behind + request.path_qs.removeprefix(BASE), encoded=True)
        sent = {name: value for name, value in request.headers.items() if name.lower() in PASSED_ON}
        body = await request.read() or None
        async with self.session.request(request.method, url, headers=sent, data=body) as answer:
            came = {name: value for name, value in answer.headers.items() if name.lower() in PASSED_ON}
            return web.Response(status=answer.status, body=await answer.read(), headers=came)

    def _token(self, form: dict[str, Any]) -> web.Response:
        claims = jwt.decode(str(form["client_assertion"]), self.key, algorithms=["RS384"]).claims
        is_good = (
            form["grant_type"] == "client_credentials"
            and form["client_assertion_type"] == ASSERTION_TYPE
            and claims["iss"] == claims["sub"] == CLIENT_ID
            and claims["aud"] == self.origin + TOKENS
            and time.time() < claims["exp"] <= time.time() + 300
            and claims["jti"] not in self._used
        )
        self._used.add(claims["jti"])
        if not is_good:
            return web.json_response({"error": "invalid_client"}, status=400)
        token = secrets.token_urlsafe()
        self._tokens[token] = time.time() + TOKEN_S
        self.tokens_given += 1
        return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": TOKEN_S})


@asynccontextmanager
async def standing(*, behind: str, public_key: dict[str, Any]) -> AsyncIterator[Gateway]:
    """Put a gateway before a server."""
    async with ClientSession(auto_decompress=False) as session:
        gateway = Gateway(behind=behind, public_key=public_key, session=session)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", gateway.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        gateway.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield gateway
        finally:
            await runner.cleanup()
