"""What is answered on the event loop, without Django: a short page, or what the API that was asked says of errors."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass

from asgiref.typing import ASGISendCallable, HTTPScope

FHIR_PATH, OAUTH_PATH, SERVICE_PATH = "/fhir/", "/oauth/", "/api/"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title></head>
<body><main><h1>{title}</h1><p>{words}</p></main></body></html>
"""
HEADERS = (
    (b"cache-control", b"no-store, private"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A refusal. `code` is of FHIR's issue types; `retry_after_s` is 0 where trying again is no use."""

    status: int
    title: str
    words: str
    code: str
    retry_after_s: int = 0


async def refuse(
    scope: HTTPScope, send: ASGISendCallable, *, refusal: Refusal, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Answer one request with a refusal. `headers` are beside those that every refusal has."""
    if scope["path"].startswith(FHIR_PATH):
        issue = {"severity": "error", "code": refusal.code, "diagnostics": refusal.words}
        body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
        content_type = b"application/fhir+json; charset=utf-8"
    elif scope["path"].startswith(OAUTH_PATH):
        error = "temporarily_unavailable" if refusal.retry_after_s else "invalid_request"
        body = json.dumps({"error": error, "error_description": refusal.words}).encode()
        content_type = b"application/json"
    elif scope["path"].startswith(SERVICE_PATH):
        body = json.dumps({"title": refusal.words, "status": refusal.status}).encode()
        content_type = b"application/problem+json"
    else:
        body = PAGE.format(title=html.escape(refusal.title), words=html.escape(refusal.words)).encode()
        content_type = b"text/html; charset=utf-8"
    lines = [*HEADERS, *headers, (b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    if refusal.retry_after_s:
        lines.append((b"retry-after", str(refusal.retry_after_s).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": lines, "trailers": False})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body, "more_body": False})
