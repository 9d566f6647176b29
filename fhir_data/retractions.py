"""Whether what is sent as a status says, in whatever form, that an entry was entered in error. Pure."""

from __future__ import annotations

from collections.abc import Iterator

ENTERED_IN_ERROR = "entered-in-error"


def says_in_error(*, words: str) -> bool:
    """Return whether the letters of a text are those of "entered-in-error"."""
    folded = words.casefold()
    if folded[:1].isalpha() and not folded.startswith(_IN_ERROR[0]):
        return False  # nearly every status, and the system of its code
    return "".join(sign for sign in folded if sign.isalpha()) == _IN_ERROR


_IN_ERROR = ENTERED_IN_ERROR.replace("-", "")


def texts_in(*, value: object) -> Iterator[str]:
    """Yield the texts in a status of whatever shape."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict | list):
            stack.extend(node.values() if isinstance(node, dict) else node)
