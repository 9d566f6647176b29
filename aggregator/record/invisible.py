"""Characters that a reader cannot see, made visible. Pure.

Some turn round the order in which a text is read, so that one dose can be made to look like another; some make two
names look alike that are not; and a terminal obeys others. What a source sent is stored and exported as it was sent.
Source: Unicode Standard Annex 9 (explicit directional formatting), Unicode Technical Report 36, 2.5 and 3.5.
"""

from __future__ import annotations

import re

# Controls save tab and line ends; soft hyphen; what has no width: spaces, joiners, fillers, separators; overrides,
# embeddings and isolates of direction; tags; formats of musical and shorthand signs; the Braille pattern without dots;
# and what Unicode says is to be ignored where it is not known.
_ALWAYS = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
    "\U00013430-\U0001343f\U000e01f0-\U000e0fff"
)
# What chooses among the forms of a sign stays after one that has several, which no letter or digit of ours has; and in
# the sign of a key.
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_OF_SEVERAL_FORMS = (
    "\xa9\xae\u1000-\u109f\u203c-\u2bff\u3000-\u9fff\ua840-\ua87f\uac00-\ufaff"
    "\U00010ac0-\U00010aff\U0001f000-\U0003ffff"
)
# Joiners that Arabic and Indian scripts and emoji are spelt with stay after those, and marks of direction beside text
# that runs from right to left. Elsewhere they only hide.
_JOINERS, _MARKS = "\u200c\u200d", "\u061c\u200e\u200f"
_JOINED = "\u0600-\u1cff\u2190-\u2bff\ua8e0-\uabff\ufb50-\ufdff\ufe0f\ufe70-\ufefc\U0001f000-\U0001faff"
_FROM_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_ANY = re.compile(f"[{_ALWAYS}{_JOINERS}{_MARKS}{_SELECTORS}]")
_IN_PLACE = re.compile(
    f"[{_JOINERS}](?<=[{_JOINED}].)|[{_MARKS}](?:(?<=[{_FROM_RIGHT}].)|(?=[{_FROM_RIGHT}]))"
    f"|[{_SELECTORS}](?:(?<=[{_OF_SEVERAL_FORMS}].)|(?=\u20e3))"
)


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
