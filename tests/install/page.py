"""The commands of a page, as somebody would type them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
INDENT = "    "


def commands(*, heading: str, until: str = "", page: str = "operating.md") -> str:
    """Return the commands between a heading of a page and another (or the next of its level), as one shell session.

    Raises: ValueError when there is no such heading, or no command after it.
    """
    text = (DOCS / page).read_text()
    level = re.search(rf"^(#+) {re.escape(heading)}$", text, flags=re.MULTILINE)
    if level is None:
        raise ValueError(f"no heading {heading}")
    rest = text[level.end() :]
    end = re.search(rf"^#+ {re.escape(until)}$" if until else rf"^#{{1,{len(level[1])}}} ", rest, flags=re.MULTILINE)
    lines = rest[: end.start() if end else None].splitlines()
    typed = [line.removeprefix(INDENT) for line in lines if line.startswith(INDENT)]
    if not typed:
        raise ValueError(f"no command after {heading}")
    return "\n".join(typed) + "\n"
