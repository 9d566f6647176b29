"""Hold a system that is not registered against the standard of its kind, such as one that somebody thinks of buying."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotPermitted
from aggregator.federation.examination import Told
from aggregator.services.sources.examining import ConformanceReport, Examinee, examine_and_count, patient_named
from aggregator.services.sources.registering import check_how_asked
from aggregator.sources.queries import address_at


@dataclass(frozen=True, kw_only=True)
class UnregisteredSystem:
    """A system and how it is asked, as the settings of a source say it."""

    kind: str
    base_url: str
    identifier_system: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    time_limit_s: float = 9.0


def examine_address(
    *,
    requester: Requester,
    system: UnregisteredSystem,
    examinee: Examinee,
    within_s: float,
    told: Told,
    now: datetime,
) -> ConformanceReport:
    """Ask a system what each point of its standard needs, and return what its answers show.

    Its address may be one that a source may have. No record is read unless a test patient is named. It waits for the
    system, so it is for commands alone.
    Raises: NotPermitted; Invalid naming the field.
    """
    with acting(requester, Action.EXAMINE_ADDRESS, needs=Permission.MANAGE_SOURCES) as act:
        act.about_nothing_single()
        if not requester.may(Permission.ANY_ORGANISATION):  # any secret may be named, and would be shown to the system
            raise NotPermitted("You may not examine a system that is no source.", code="other-organisation")
        check_how_asked(
            kind=system.kind, base_url=system.base_url, options=system.options, time_limit_s=system.time_limit_s
        )
        act.note(host=urlsplit(system.base_url).hostname)
        patient, patient_withheld = (
            patient_named(text=text, identifier_system=system.identifier_system)
            for text in (examinee.patient, examinee.patient_withheld)
        )
        return examine_and_count(
            act=act,
            kind=system.kind,
            address=address_at(source_id="examined", base_url=system.base_url.rstrip("/"), options=system.options),
            examinee=examinee,
            patient=patient,
            patient_withheld=patient_withheld,
            request_s=system.time_limit_s,
            within_s=within_s,
            told=told,
            now=now,
        )
