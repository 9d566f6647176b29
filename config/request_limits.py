"""How often a user may search, open records and use the FHIR door, and which requests are refused unread.

A request is counted under its session's key, or under its address where it brings none, before any query; then under
its user, as soon as the session is read and before anything else is. One that brings a client's token is counted under
the client, or under its address where the token is none of ours. What is refused starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from aggregator.accounts.addresses import counted_address
from aggregator.accounts.counters import Limit, Tally, counters
from aggregator.accounts.tokens import bearer_token, read_token
from aggregator.api.fhir import rendering
from aggregator.api.fhir.operations import OPERATIONS
from aggregator.api.fhir.waiting import is_awaited
from aggregator.api.oauth import token as oauth
from aggregator.api.service import problems
from aggregator.errors import Invalid, LongviewError, NotPermitted, TooMany
from aggregator.web import pages
from config.refusals import FHIR_PATH, OAUTH_PATH, SERVICE_PATH

WINDOW_S = 60
FHIR_ROUTES = "fhir-"
# Each asks sources: of a person's record, of one document, or of what an operation waits for.
RETRIEVALS = frozenset(
    {
        ("POST", "open-record"),
        ("POST", "fetch-document"),
        *((method, operation.route_name) for operation in OPERATIONS if operation.waits for method in ("GET", "POST")),
    }
)
# A claim and emergency access open the way to a record: they are counted with what they lead to.
CLAIMS = frozenset({("POST", "claim"), ("POST", "api-claims"), ("POST", "break-glass"), ("POST", "api-break-glass")})
# To join a user to a person tells whether a number is known, as a search does.
SEARCHES = frozenset(
    {("POST", "find"), ("POST", "fhir-patient-search"), ("POST", "join-user"), ("POST", "api-join-user")}
)
TOKENS = frozenset({("POST", "token")})
# A browser says which site a request comes from; whoever types an address comes from none.
OWN_SITES = frozenset({"same-origin", "none"})


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of request that is limited. `setting` holds how many a user may make in a minute."""

    name: str
    setting: str
    words: str

    @property
    def limit(self) -> Limit:
        """The limit in force."""
        return Limit(name=self.name, most=getattr(settings, self.setting), window_s=WINDOW_S)


SEARCH = Kind(name="searches", setting="SEARCHES_PER_MINUTE", words="You have searched very often in a minute.")
OPENING = Kind(name="openings", setting="OPENINGS_PER_MINUTE", words="You have opened very many records in a minute.")
CLIENT_OPENING = Kind(
    name="client-openings",
    setting="CLIENT_OPENINGS_PER_MINUTE",
    words="This system has opened very many records in a minute.",
)
# A system searches for whom it opens.
CLIENT_SEARCH = Kind(
    name="client-searches",
    setting="CLIENT_OPENINGS_PER_MINUTE",
    words="This system has searched very often in a minute.",
)
OF_CLIENTS = {OPENING: CLIENT_OPENING, SEARCH: CLIENT_SEARCH}
TOKEN = Kind(name="tokens", setting="TOKENS_PER_MINUTE", words="Tokens have been asked for very often in a minute.")
FHIR = Kind(name="fhir", setting="FHIR_REQUESTS_PER_MINUTE", words="There have been too many requests in a minute.")


class RequestLimits:
    """Middleware after that of sessions and forms, and before that which asks who has signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Refuse a request with more parameters than anything here has; otherwise answer it."""
        if request.META.get("QUERY_STRING", "").count("&") >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
            return _refuse(request, Invalid("This address has too many parameters.", code="parameters"))
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponse | None:
        """Refuse what another site asks for in a user's name, and what a user asks for too often."""
        route = (request.method or "", request.resolver_match.view_name if request.resolver_match else "")
        if route in RETRIEVALS and _is_from_elsewhere(request):
            words = "Another site led here. Records are opened from this service's own pages only."
            return _refuse(request, NotPermitted(words, code="another-site"))
        kinds = [] if is_awaited(request.META.get("asgi.scope")) else list(_kinds(route))
        try:
            _count(request, kinds=kinds)
        except TooMany as error:
            return _refuse(request, error)
        return None


def _kinds(route: tuple[str, str]) -> Iterable[Kind]:
    if route in SEARCHES:
        yield SEARCH
    if route in RETRIEVALS or route in CLAIMS:
        yield OPENING
    if route in TOKENS:
        yield TOKEN
    if route[1].startswith(FHIR_ROUTES):
        yield FHIR


def _count(request: HttpRequest, *, kinds: list[Kind]) -> None:
    if not kinds:
        return
    text = bearer_token(authorization=request.headers.get("Authorization", ""))
    token = read_token(text=text, now=timezone.now()) if text else None
    if token is not None:
        _add([OF_CLIENTS.get(kind, kind) for kind in kinds], of=f"client {token.client_id}")
    elif text is None and (key := request.session.session_key):
        _add(kinds, of=f"session {key}")
        if user_id := request.session.get(SESSION_KEY):
            _add(kinds, of=f"user {user_id}")
    elif address := counted_address(request.META.get("REMOTE_ADDR", "")):
        _add(kinds, of=f"address {address}")


def _add(kinds: list[Kind], *, of: str) -> None:
    standings = counters().add(tallies=[Tally(limit=kind.limit, of=of) for kind in kinds])
    for kind, standing in zip(kinds, standings, strict=True):
        if standing.is_exceeded:
            raise TooMany(f"{kind.words} Try again in {standing.left_s} seconds.", retry_after_s=standing.left_s)


def _is_from_elsewhere(request: HttpRequest) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    return site is not None and site not in OWN_SITES


def _refuse(request: HttpRequest, error: LongviewError) -> HttpResponse:
    refusals = {FHIR_PATH: rendering.refusal, OAUTH_PATH: oauth.refusal, SERVICE_PATH: problems.refusal}
    for path, refusal in refusals.items():
        if request.path.startswith(path):
            return refusal(error)
    return pages.error_page(request, error)
