"""What an answer is judged by and how it was asked for: an answer is used again only while all of that is as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from django.utils.crypto import salted_hmac

from aggregator.federation.store import FORMAT_VERSION
from aggregator.mpi.queries import HeldBy
from aggregator.sources.models import Source


def asked_under(*, held: Sequence[HeldBy], source: Source) -> str:
    """Return a name for what a source is asked under: equal while all of it is equal, and revealing nothing about it.

    `held` is everything that is linked to the person, with the decisions in force: links, doubts, accepted fields and
    what each record says. What is said of a death is left out, since no answer is judged by it, and an answer changes
    it. Of the source it is where it is, how it is spoken to, and its revision, which every change and pause raises.
    """
    records = [
        replace(holding, demographics=replace(holding.demographics, deceased=None, death_date="")) for holding in held
    ]
    value = (records, source.id, source.kind, source.base_url, source.options, source.revision, FORMAT_VERSION)
    encoded = msgspec.json.encode(value, order="deterministic")
    return salted_hmac(key_salt="longview.asked-under", value=encoded, algorithm="sha256").hexdigest()
