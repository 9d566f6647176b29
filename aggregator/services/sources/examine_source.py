"""Hold a registered source against the standard of its kind, point by point."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action
from aggregator.errors import NotPermitted, Superseded
from aggregator.federation.examination import Told
from aggregator.services.sources.examining import (
    ConformanceReport,
    Examinee,
    check_not_a_patient,
    examine_and_count,
    patient_named,
)
from aggregator.sources.queries import address_of
from aggregator.sources.scope import source_to_act_for


def examine_source(
    *, requester: Requester, source_id: UUID, examinee: Examinee, within_s: float, told: Told, now: datetime
) -> ConformanceReport:
    """Ask a source what each point of its standard needs, as it is registered, and return what its answers show.

    No record is read unless a test patient is named: that is an access to a record, and the events say so. It waits for
    the source, so it is for commands alone.
    Raises: NotPermitted, also for a source of another organisation and for a patient who may be a real one; NotFound;
    Invalid; Superseded for one that is paused.
    """
    with acting(requester, Action.EXAMINE_SOURCE, needs=Permission.OPERATE_SOURCES) as act:
        source = source_to_act_for(requester=requester, source_id=source_id)
        act.about(source_id=source.id)
        if not source.enabled:
            raise Superseded("This source is paused, and is not asked.")
        patient, patient_withheld = (
            patient_named(text=text, identifier_system=source.identifier_system)
            for text in (examinee.patient, examinee.patient_withheld)
        )
        for named in (patient, patient_withheld):
            if named is not None and not requester.may(Permission.MANAGE_SOURCES):
                raise NotPermitted("You may not read a test patient's record at a source.")
            act.about(person_id=check_not_a_patient(source_id=source.id, patient=named))
        return examine_and_count(
            act=act,
            kind=source.kind,
            address=address_of(source=source),
            examinee=examinee,
            patient=patient,
            patient_withheld=patient_withheld,
            request_s=source.time_limit_s,
            within_s=within_s,
            told=told,
            now=now,
        )
