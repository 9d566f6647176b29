"""Counts the leaves of a resource in what was made of it. It shares no code with the translation.

A leaf is a value with the names on the way to it. It may be anywhere in the result; what is not there must be named.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

# The code systems and extensions that have another address in R4; the addresses are all that may change.
RENAMED_ADDRESS = re.compile(r"https?://hl7\.org/fhir/|https?://fhir\.(nhs|hl7\.org)\.uk/")
Leaf = tuple[str, str]


def leaves(value: Any, path: str) -> Iterator[Leaf]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from leaves(member, f"{path}.{name}")
    elif isinstance(value, list):
        for element in value:
            yield from leaves(element, path)
    else:
        yield path, json.dumps(value)


def name_of_id(text: str) -> str:
    """What of a reference or an id survives: another type, or other characters, may be written."""
    return re.sub(r"[^A-Za-z0-9]", "", re.split("[/#]", text)[-1])[:20].lower()


def survives(leaf: Leaf, made: Counter[str]) -> bool:
    """Whether a leaf that is not there as it was sent is there under the other spelling that R4 gives it."""
    path, value = leaf
    text = json.loads(value)
    last = path.rpartition(".")[2]
    if last == "resourceType":
        return any(json.dumps(kind) in made for kind in (text, "ServiceRequest"))
    if last in ("reference", "id") and isinstance(text, str):
        return any(name_of_id(text) == name_of_id(json.loads(other)) for other in made if other.startswith('"'))
    if last == "url" and ".extension" in path and isinstance(text, str):
        return bool(RENAMED_ADDRESS.match(text)) or "/" not in text
    if last == "system" and isinstance(text, str) and RENAMED_ADDRESS.match(text):
        moved = text.rpartition("/")[2]
        return any(other.strip('"').endswith(moved) for other in made)
    return False


def is_named(path: str, notes: tuple[str, ...]) -> bool:
    """Whether a note names a path or something that it is in."""
    named = {note.partition(":")[0].strip().replace("._", ".") for note in notes}
    parts = path.replace("._", ".").split(".")
    ways = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
    # The name of a field that FHIR does not have is the sender's text, so a note tells only where it was.
    return any(way in named for way in ways[1:]) or any(f"{way}.(unknown field)" in named for way in ways[:-1])


def unsaid(*, sent: Any, made: Any, notes: tuple[str, ...]) -> list[str]:
    """Return the paths of the leaves that are neither there nor named."""
    kind = sent["resourceType"]
    left = Counter(value for _, value in leaves(made, kind))
    missing: list[Leaf] = []
    # What no note names first, so that it is not taken for what a note says is gone.
    for path, value in sorted(leaves(sent, kind), key=lambda leaf: is_named(leaf[0], notes)):
        if left[value]:
            left[value] -= 1
        else:
            missing.append((path, value))
    return [leaf[0] for leaf in missing if not is_named(leaf[0], notes) and not survives(leaf, left)]
