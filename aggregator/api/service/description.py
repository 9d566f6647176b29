"""What the description of this door says beyond what its views and serializers do.

Source: OpenAPI 3.0.3, Operation Object and Security Requirement Object; RFC 9457.
"""

from __future__ import annotations

from typing import Any

from aggregator.api.service.problems import MEDIA_TYPE, TITLES

SESSION, CSRF_TOKEN = "session", "csrf-token"
WRITES = frozenset({"post", "put", "patch", "delete"})
_PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457). `code` is for programs; `fields` says of each input what is wrong.",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
    },
    "required": ["title", "status"],
}
_RETRY_AFTER = {"Retry-After": {"description": "After how many seconds to try again.", "schema": {"type": "integer"}}}
# How any request may end, one to an address that names something, and one that writes.
_ANY, _NAMED, _WRITE = (400, 401, 403, 406, 429, 500, 503), (404,), (409, 413, 415)


def complete(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:
    """Add to a description how requests may fail, that bodies take no other field, and what a write needs to bring.

    drf-spectacular calls this when it has made one (POSTPROCESSING_HOOKS).
    """
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["responses"] = {_name(status): _response(status) for status in (*_ANY, *_NAMED, *_WRITE)}
    components.setdefault("securitySchemes", {})[CSRF_TOKEN] = {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRFToken",
        "description": "The token of the session's forms, or of its CSRF cookie.",
    }
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                _complete(operation, path=path, is_write=method in WRITES, schemas=components["schemas"])
    return result


def _complete(operation: dict[str, Any], /, *, path: str, is_write: bool, schemas: dict[str, Any]) -> None:
    statuses = (*_ANY, *(_NAMED if "{" in path else ()), *(_WRITE if is_write else ()))
    for status in sorted(statuses):
        operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/{_name(status)}"})
    if is_write:
        for needed in operation.get("security", ()):
            if SESSION in needed:
                needed[CSRF_TOKEN] = []
    for content in operation.get("requestBody", {}).get("content", {}).values():
        taken = content["schema"].get("$ref", "").rpartition("/")[2]
        schemas[taken]["additionalProperties"] = False


def _name(status: int) -> str:
    return f"Problem{status}"


def _response(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    response: dict[str, Any] = {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}}
    if status in (429, 503):
        response["headers"] = _RETRY_AFTER
    return response
