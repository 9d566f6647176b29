"""Characters that a reader cannot see, made visible. Pure.

Some turn round the order in which a text is read, so that one dose can be made to look like another; some make two
names look alike that are not; and a terminal obeys others. What a source sent is stored and exported as it was sent.
Source: Unicode Standard Annex 9 (explicit directional formatting), Unicode Technical Report 36, 2.5 and 3.5.
"""

from __future__ import annotations

import re

# Controls save tab and line ends; soft hyphen; what has no width: spaces, joiners, fillers, separators; overrides,
# embeddings and isolates of direction; tags.
_ALWAYS = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f"
)
# Joiners that Arabic and Indian scripts and emoji are spelt with stay after those, and marks of direction beside text
# that runs from right to left. Elsewhere they only hide.
_JOINERS, _MARKS = "\u200c\u200d", "\u061c\u200e\u200f"
_JOINED = "\u0600-\u1cff\u2190-\u2bff\ua8e0-\uabff\ufb50-\ufdff\ufe0f\ufe70-\ufefc\U0001f000-\U0001faff"
_FROM_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_ANY = re.compile(f"[{_ALWAYS}{_JOINERS}{_MARKS}]")
_IN_PLACE = re.compile(f"[{_JOINERS}](?<=[{_JOINED}].)|[{_MARKS}](?:(?<=[{_FROM_RIGHT}].)|(?=[{_FROM_RIGHT}]))")


def made_visible(*, text: str) -> str:
    """Return a text with each character that cannot be seen written as its code point, such as [U+202E]."""
    return _ANY.sub(_shown, text)


def without_invisible(*, text: str) -> str:
    """Return a text as it is compared: without any character that may not be seen."""
    return _ANY.sub("", text)


def _shown(match: re.Match[str], /) -> str:
    if _IN_PLACE.match(match.string, match.start()):
        return match[0]
    return f"[U+{ord(match[0]):04X}]"
