"""What an answer is judged by and how it was asked for: an answer is used again only while all of that is as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from django.utils.crypto import salted_hmac

from aggregator.federation.store import FORMAT_VERSION
from aggregator.mpi.queries import HeldBy
from aggregator.sources.models import Source


class Question:
    """What sources are asked about one person under.

    `held` is everything that is linked to the person, with the decisions in force: links, doubts, accepted fields and
    what each record says. What is said of a death is left out, since no answer is judged by it, and an answer changes
    it.
    """

    def __init__(self, *, held: Sequence[HeldBy]) -> None:
        records = [
            replace(holding, demographics=replace(holding.demographics, deceased=None, death_date=""))
            for holding in held
        ]
        self._records = msgspec.Raw(_encoded(records))  # the same for every source

    def asked_under(self, *, source: Source) -> str:
        """Return a name for what a source is asked under: equal while all of it is, and revealing nothing about it.

        Of the source it is where it is, how it is spoken to, and its revision, which every change and pause raises.
        """
        sent = (source.id, source.kind, source.base_url, source.options, source.revision, FORMAT_VERSION)
        encoded = _encoded((self._records, *sent))
        return salted_hmac(key_salt="longview.asked-under", value=encoded, algorithm="sha256").hexdigest()


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
