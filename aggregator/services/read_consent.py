"""Read what a person has decided about sharing their record, when, and who recorded it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aggregator.accounts.models import Organisation
from aggregator.accounts.requester import Requester
from aggregator.accounts.roles import Permission
from aggregator.acting import acting
from aggregator.audit.events import Action, Subject
from aggregator.consent.policies import shares_with_most
from aggregator.consent.queries import decisions_of, halves_of, terms_in_doubt
from aggregator.errors import NotFound
from aggregator.mpi.golden import PersonSummary
from aggregator.mpi.queries import person_summary
from aggregator.services.policy_lines import PolicyLine, lines_of
from aggregator.sources.queries import all_sources


@dataclass(frozen=True, kw_only=True)
class ConsentView:
    """`in_force` are the decisions that count, or will, and `ended` those that no longer do, newest first.

    `is_shared`: those who care for the patient see something of the record, unless a decision names them.
    `is_limited_in_doubt`: this may be another person, and what that one denies is denied here until it is settled.
    `is_joined`: others were joined to this person, whose decisions hold as well: what each permits is shown.
    `sources` and `organisations` are those that a decision may name, by id and code.
    """

    person: PersonSummary
    is_shared: bool
    is_limited_in_doubt: bool
    is_joined: bool
    in_force: tuple[PolicyLine, ...]
    ended: tuple[PolicyLine, ...]
    sources: tuple[tuple[str, str], ...]
    organisations: tuple[tuple[str, str], ...]


def read_consent(*, requester: Requester, person_id: UUID, now: datetime) -> ConsentView:
    """Return a person's consent, with its history.

    Raises: NotPermitted; NotFound.
    """
    about = Subject(person_id=person_id)
    with acting(requester, Action.READ_CONSENT, needs=Permission.MANAGE_CONSENT, about=about) as act:
        person = person_summary(person_id=person_id)
        if person is None:
            raise NotFound
        person_id = person.person_id
        act.about(person_id=person_id)
        policies = decisions_of(person_id=person_id, now=now)
        halves = [[each.terms for each in half] for half in halves_of(person_id=person_id, policies=policies)]
        in_doubt = [terms_in_doubt(person_id=person_id, own=half, now=now) for half in halves]
        own, *joined = ([*half, *denied] for half, denied in zip(halves, in_doubt, strict=True))
        lines = lines_of(policies=policies)
        return ConsentView(
            person=person,
            is_shared=shares_with_most(policies=own, joined=joined, now=now),
            is_limited_in_doubt=any(in_doubt),
            is_joined=bool(joined),
            in_force=tuple(line for line in lines if not line.policy.is_over(now)),
            ended=tuple(line for line in lines if line.policy.is_over(now)),
            sources=tuple((str(source.id), source.name) for source in all_sources()),
            organisations=tuple(Organisation.objects.order_by("name").values_list("ods_code", "name")),
        )
