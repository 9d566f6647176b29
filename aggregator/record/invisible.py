"""Characters that a reader cannot see, made visible. Pure.

Some turn round the order in which a text is read, so that one dose can be made to look like another; some make two
names look alike that are not; and a terminal obeys others. What a source sent is stored and exported as it was sent.
Source: Unicode Standard Annex 9 (explicit directional formatting), Unicode Technical Report 36, 2.5 and 3.5.
"""

from __future__ import annotations

import re

# Controls save tab and line ends; soft hyphen; overrides, embeddings and isolates of direction; spaces and joiners
# without width. Marks of direction, and the joiners that Persian and Indian scripts are spelt with, stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def made_visible(*, text: str) -> str:
    """Return a text with each character that cannot be seen written as its code point, such as [U+202E]."""
    return _INVISIBLE.sub(_code_point, text)


def _code_point(match: re.Match[str], /) -> str:
    return f"[U+{ord(match[0]):04X}]"
