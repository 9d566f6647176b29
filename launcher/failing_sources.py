"""The demonstration in which sources fail and heal by themselves: which do, how, and where to watch it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from launcher.region import Region

WATCHES = "programme-administrator"  # the role that sees every source, and no record


@dataclass(frozen=True, kw_only=True)
class FailingSource:
    """How a source fails: a schedule for the proxy that stands before it, over and over, and the same in words.

    A fault lasts longer than three checks, after which the source is down, and so does the time without one.
    """

    schedule: str
    words: str


FAILING: Mapping[str, FailingSource] = {
    "eskwith-general": FailingSource(
        schedule="well:30,refused:150,well:120", words="refuses connections from half a minute on, for 150 s"
    ),
    "harrowdale-community": FailingSource(
        schedule="well:90,truncated:150,well:60",
        words="breaks off in the middle of its answers from 90 s on, for 150 s",
    ),
    "larkbeck-mental-health": FailingSource(
        schedule="well:150,hang:150", words="takes requests and never answers from 150 s on, for 150 s"
    ),
}


def what_to_watch(*, region: Region, web: str) -> Iterator[str]:
    """Yield the lines that say which sources fail when, and where to look."""
    names = {source["slug"]: source["name"] for source in region.sources}
    watcher = next(account for account in region.description["accounts"] if account["role"] == WATCHES)
    yield "Three sources fail and heal by themselves, over and over, every five minutes:"
    yield ""
    yield from (f"  {names[slug]:<32} {failing.words}" for slug, failing in FAILING.items())
    yield ""
    yield f"Watch {web}/sources, signed in as {watcher['username']}. With the first check that fails a source is"
    yield "degraded, with the third, after a minute or so, it is down, and with the second good one it is up again. Its"
    yield "own page has the history and the reasons. Open a record as a clinician meanwhile: the page says which source"
    yield "failed and how, and shows the others. One that refuses or never answers rests after five failed requests."
    yield ""
