"""How many values a piece of JSON holds, counted on its bytes before anything is built of them. Pure.

A value is what a comma, a brace or a bracket begins: parsing and judging cost what these are many, not what bytes are.
"""

from __future__ import annotations

import re

# A string whole, an unended one to the end, so that no text is looked at twice; or what begins a value or ends a level.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[,{}\[\]]', re.DOTALL)
_BEGINS = b",{["


def rough_count(*, body: bytes) -> int:
    """Return how many values there are at most: marks within texts are counted as well."""
    return len(body) - len(body.translate(None, _BEGINS))


def holds_more_values(*, body: bytes, than: int) -> bool:
    """Return whether there are more values than a number. Marks within texts are none."""
    if len(body) <= than or rough_count(body=body) <= than:  # each takes one byte at least
        return False
    left = than
    for token in _TOKEN.finditer(body):
        if body[token.start()] in _BEGINS:
            left -= 1
            if left < 0:
                return True
    return False


def holds_more_members(*, body: bytes, than: int) -> bool:
    """Return whether an object, or an array, has more members of its own than a number."""
    if len(body) < than or body.count(b",") < than:
        return False
    depth, left = 0, than - 1
    for token in _TOKEN.finditer(body):
        mark = body[token.start()]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        elif mark == 0x2C and depth == 1:  # a comma
            left -= 1
            if left < 0:
                return True
    return False
