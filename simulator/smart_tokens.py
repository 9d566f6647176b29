"""Access tokens as a hospital gives them: to one registered client, for a statement that it has signed.

Source: HL7 SMART App Launch 2.2, "Backend Services"; RFC 6749, 4.4 and 5; RFC 7523, 3.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from joserfc import jwk, jwt
from joserfc.errors import JoseError

from simulator.faults import CallCounter
from simulator.serving import fhir_response, outcome, own_root

ALGORITHMS = ["RS384", "ES384"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CONFIGURATION = ".well-known/smart-configuration"
TOKEN_PATH = "/token"  # noqa: S105  a path
LONGEST_ASSERTION_S = 300


class BadRequest(Exception):
    """A request for a token that is refused; the text is the error's code."""


@dataclass(kw_only=True)
class TokenGiver:
    """Gives tokens to the client that is registered, and knows those that it gave."""

    client_id: str
    keys: jwk.KeySet
    lasts_s: int = 300
    given: dict[str, float] = field(default_factory=dict)  # tokens, and until when each is good
    used: set[str] = field(default_factory=set)  # the `jti` of assertions
    calls: CallCounter = field(default_factory=CallCounter)

    def token(self, *, form: Mapping[str, str], audience: str, now: float) -> dict[str, object]:
        """Return what is answered to a request for a token at the address `audience`.

        Unit: `now` is seconds since 1970.
        Raises: BadRequest.
        """
        self.calls.note(local_id="")
        if form.get("grant_type") != "client_credentials":
            raise BadRequest("unsupported_grant_type")
        scopes = form.get("scope", "").split()
        if not scopes or not all(scope.startswith("system/") for scope in scopes):
            raise BadRequest("invalid_scope")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise BadRequest("invalid_request")
        self._check(claims=self._signed(form.get("client_assertion", "")), audience=audience, now=now)
        token = secrets.token_urlsafe(24)
        self.given[token] = now + self.lasts_s
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self.lasts_s,
            "scope": " ".join(scopes),
        }

    def accepts(self, *, authorization: str, now: float) -> bool:
        """Return whether a request may pass that carries this header."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self.given.get(token, 0.0) > now

    def _signed(self, assertion: str) -> dict[str, Any]:
        try:
            read = jwt.decode(assertion, self.keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError, KeyError, TypeError):
            raise BadRequest("invalid_client") from None
        return dict(read.claims)

    def _check(self, *, claims: Mapping[str, Any], audience: str, now: float) -> None:
        expires, unique = claims.get("exp"), claims.get("jti")
        is_good = (
            claims.get("iss") == claims.get("sub") == self.client_id
            and claims.get("aud") in (audience, [audience])
            and type(expires) is int
            and now < expires <= now + LONGEST_ASSERTION_S
            and isinstance(unique, str)
            and unique not in self.used
        )
        if not is_good:
            raise BadRequest("invalid_client")
        self.used.add(str(unique))


def token_giver(*, client_id: str, keys: Path) -> TokenGiver:
    """Return what gives tokens to the client whose JWK Set is in a file.

    Raises: OSError; ValueError where there is none in it.
    """
    try:
        return TokenGiver(client_id=client_id, keys=jwk.KeySet.import_key_set(json.loads(keys.read_text("utf-8"))))
    except (JoseError, KeyError, TypeError) as error:
        raise ValueError("no JWK Set") from error


def ask_for_tokens(*, app: web.Application, base_path: str, giver: TokenGiver) -> None:
    """Have a source give tokens, and answer with records to those alone who have one."""
    open_paths = (TOKEN_PATH, f"{base_path}/{CONFIGURATION}", f"{base_path}/metadata")

    async def configuration(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "token_endpoint": _endpoint(request),
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
                "scopes_supported": ["system/*.rs"],
                "capabilities": ["client-confidential-asymmetric", "permission-v2"],
            }
        )

    async def token(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            given = giver.token(form=form, audience=_endpoint(request), now=time.time())
        except BadRequest as refused:
            return web.json_response({"error": str(refused)}, status=400)
        return web.json_response(given, headers={"Cache-Control": "no-store"})

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_open = request.path in open_paths or request.path.startswith("/_simulator/")
        if is_open or giver.accepts(authorization=request.headers.get("Authorization", ""), now=time.time()):
            return await handler(request)
        response = fhir_response(status=401, resource=outcome(code="login", text="A token is needed."))
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    app.middlewares.append(check)
    # Before the source's own: the last of those takes everything.
    routes = [web.get(f"{base_path}/{CONFIGURATION}", configuration), web.post(TOKEN_PATH, token)]
    app.router.add_routes(routes)


def _endpoint(request: web.Request) -> str:
    return own_root(request=request) + TOKEN_PATH
