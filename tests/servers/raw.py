"""What a server holds, read without any code of ours: every resource of every type, page by page."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

PAGE = 100
FHIR_JSON = "application/fhir+json"


def read(url: str, *, body: bytes | None = None) -> Any:
    """Ask a server, by POST where there is a body."""
    asked = urllib.request.Request(url, data=body, headers={"Accept": FHIR_JSON, "Content-Type": FHIR_JSON})
    with urllib.request.urlopen(asked, timeout=600) as answer:
        return json.load(answer)


def everything(*, base: str, public: str, types: set[str]) -> dict[str, dict[str, Any]]:
    """Return every resource of these types, by `Type/id`. `public` is what the server calls itself in its links."""
    return {
        f"{resource['resourceType']}/{resource['id']}": resource
        for name in sorted(types)
        for resource in _of_type(base=base, public=public, name=name)
    }


def _of_type(*, base: str, public: str, name: str) -> Iterator[dict[str, Any]]:
    url, at = f"{base}/{name}?_count={PAGE}", 0
    while url:
        try:
            page = read(url)
        except urllib.error.HTTPError as error:
            if error.code in (400, 404):  # it has no such type
                return
            raise
        found = [entry["resource"] for entry in page.get("entry", [])]
        yield from found
        url = next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), "")
        at += len(found)
        if url:
            url = url.replace(public, base, 1)
        elif found and at < page.get("total", 0):  # it counts more than it gives, and names no further page
            url = f"{base}/{name}?_count={PAGE}&_offset={at}"


def references(node: object) -> Iterator[str]:
    """Yield every reference in a resource."""
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"].partition("/_history")[0]
        for member in node.values():
            yield from references(member)
    elif isinstance(node, list):
        for member in node:
            yield from references(member)
