"""What the services that hold a system against its standard have in common: who is named, and what the report says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.queries import requesters_for, user_id_for
from aggregator.accounts.requester import Requester
from aggregator.acting import Act
from aggregator.errors import Invalid, NotPermitted
from aggregator.federation.askers import asker_of
from aggregator.federation.examination import Examined, Told, examine, points_of
from aggregator.mpi.demographics import digits_of
from aggregator.mpi.queries import people_with_number, person_held_as, person_summary
from connectors.contract.conformance import Finding, Point, PointLevel, PointVerdict
from connectors.contract.values import Identifier, SourceAddress
from fhir_data.identifiers import (
    NHS_NUMBER_SYSTEM,
    is_nhs_number_system,
    is_sound_nhs_number,
    is_test_nhs_number,
)

MOST_WITHIN_S = 1800.0


@dataclass(frozen=True, kw_only=True)
class Examinee:
    """Who is named while a system is examined, as the operator named them; "" for nobody.

    `patient` and `patient_withheld` are test patients: an NHS number, an identifier of the system's own, or
    `SYSTEM|VALUE`. `asked_as` is the account in whose name it is asked, at the organisation `ods` where it has roles at
    several.
    """

    patient: str = ""
    patient_withheld: str = ""
    asked_as: str = ""
    ods: str = ""


@dataclass(frozen=True, kw_only=True)
class ConformanceReport:
    """Where a system stands against the standard of its kind. `is_whole`: each point was looked at."""

    kind: str
    findings: tuple[tuple[Point, Finding], ...]
    is_whole: bool

    def count(self, *, level: PointLevel, verdict: PointVerdict) -> int:
        """Return how many points of a level have a verdict."""
        return sum(point.level is level and found.verdict is verdict for point, found in self.findings)

    @property
    def is_kept(self) -> bool:
        """Whether no required point is missed, some are met, and all were looked at."""
        missed = self.count(level=PointLevel.REQUIRED, verdict=PointVerdict.MISSED)
        met = self.count(level=PointLevel.REQUIRED, verdict=PointVerdict.MET)
        return self.is_whole and met > 0 and missed == 0


def patient_named(*, text: str, identifier_system: str) -> Identifier | None:
    """Return the test patient whom an operator named, None where they named nobody.

    Raises: Invalid for an NHS number that may be a patient's, or is none.
    """
    if not text.strip():
        return None
    system, bar, value = text.strip().rpartition("|")
    digits = digits_of(text=value)
    if not bar:
        system = NHS_NUMBER_SYSTEM if is_sound_nhs_number(digits) else identifier_system
    if not is_nhs_number_system(system):
        return Identifier(system=system, value=value)
    if not is_test_nhs_number(digits):
        raise Invalid(
            "Name a test patient: an NHS number with a right check digit that begins with 9, which no patient's does.",
            field="patient",
            code="not-a-test-patient",
        )
    return Identifier(system=NHS_NUMBER_SYSTEM, value=digits)


def check_not_a_patient(*, source_id: UUID, patient: Identifier | None) -> UUID | None:
    """Return whom a source holds under an identifier, or who bears the number; None for nobody here, or for several.

    Raises: NotPermitted where that is somebody whom nothing shows to be a test patient.
    """
    if patient is None:
        return None
    person_id = person_held_as(source_id=source_id, identifier_value=patient.value)
    if person_id is None and patient.system == NHS_NUMBER_SYSTEM:
        bearers = people_with_number(nhs_number=patient.value)
        person_id = bearers[0].person_id if len(bearers) == 1 else None
    summary = person_summary(person_id=person_id) if person_id else None
    if summary is not None and not is_test_nhs_number(summary.golden.nhs_number):
        raise NotPermitted(
            "This identifier is of somebody in the index whose NHS number is not of the test range, which begins with"
            " 9. Name a test patient.",
            code="not-a-test-patient",
        )
    return person_id


def examine_and_count(
    *,
    act: Act,
    kind: str,
    address: SourceAddress,
    examinee: Examinee,
    patient: Identifier | None,
    patient_withheld: Identifier | None,
    request_s: float,
    within_s: float,
    told: Told,
    now: datetime,
) -> ConformanceReport:
    """Examine a system and note in the event how it went; where a record is read, an event says so beforehand.

    Raises: Invalid.
    """
    if not 0 < within_s <= MOST_WITHIN_S:
        raise Invalid(f"It must end within more than 0 and at most {MOST_WITHIN_S:.0f} seconds.", field="within")
    points_of(kind=kind)
    asked_as = _account_named(username=examinee.asked_as, ods=examinee.ods, now=now)
    patients = sum(each is not None for each in (patient, patient_withheld))
    act.note(kind=kind, test_patients=patients)
    if asked_as is not None:
        act.note(asked_as=asked_as.user_id)
    if patients:
        act.announce()
    examined: Examined = examine(
        kind=kind,
        address=address,
        patient=patient,
        patient_withheld=patient_withheld,
        asker=asker_of(requester=asked_as) if asked_as is not None else None,
        request_s=request_s,
        within_s=within_s,
        told=told,
    )
    counts = Counter(found.verdict.value for _, found in examined.findings)
    act.note(**{verdict.value.replace("-", "_"): counts[verdict.value] for verdict in PointVerdict})
    return ConformanceReport(kind=kind, findings=examined.findings, is_whole=examined.is_whole)


def _account_named(*, username: str, ods: str, now: datetime) -> Requester | None:
    """Return as whom a system is asked, None for nobody.

    Raises: Invalid for an account that has no role there, or several.
    """
    if not username:
        return None
    user_id = user_id_for(username=username)
    roles = requesters_for(user_id=user_id, now=now) if user_id else ()
    organisations = {role.organisation_ods: role for role in roles if not ods or role.organisation_ods == ods}
    if not organisations:
        raise Invalid("There is no open account of this name that has a role there.", field="asked_as")
    if len(organisations) > 1:
        raise Invalid("This account has roles at several organisations: say at which with --ods.", field="asked_as")
    return next(iter(organisations.values()))
