"""Policies as people read and write them: in words, with names for ids, and checked before they are recorded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from aggregator.accounts.models import Organisation, User
from aggregator.accounts.queries import name_of_user, user_id_for
from aggregator.accounts.roles import MEMBERSHIP_ROLES
from aggregator.consent import operations
from aggregator.consent.policies import provisions_in
from aggregator.consent.soundness import flaws_of
from aggregator.consent.terms import Actor, ActorKind, PolicyTerms, Provision, RecordedPolicy
from aggregator.consent.words import Names, in_words
from aggregator.errors import Invalid, Superseded
from aggregator.mpi.queries import is_held
from aggregator.sources.queries import all_sources


@dataclass(frozen=True, kw_only=True)
class PolicyLine:
    """One decision for people to read. `words` are its sentences; the names are of those who recorded and ended it."""

    policy: RecordedPolicy
    words: tuple[str, ...]
    recorded_by: str
    ended_by: str


def lines_of(*, policies: Iterable[RecordedPolicy]) -> tuple[PolicyLine, ...]:
    """Return recorded policies for people to read, in the order given."""
    policies = tuple(policies)
    names = names_in(terms=[policy.terms for policy in policies])
    return tuple(
        PolicyLine(
            policy=policy,
            words=in_words(terms=policy.terms, names=names),
            recorded_by=name_of_user(user_id=policy.recorded_by) if policy.recorded_by else "",
            ended_by=name_of_user(user_id=policy.ended_by) if policy.ended_by else "",
        )
        for policy in policies
    )


def checked(*, terms: PolicyTerms, now: datetime) -> PolicyTerms:
    """Return a policy that somebody wants to record, with the id of each user whom it names by user name.

    Raises: Invalid where it makes no sense or names what is not known here: that would be denied, or permitted, to
    nobody. Its field is the place at fault ("root", or the number of an exception) and the condition.
    """
    known = replace(
        terms,
        root=None if terms.root is None else _known(terms.root, place="root"),
        exceptions=tuple(_known(each, place=str(number)) for number, each in enumerate(terms.exceptions)),
    )
    for flaw in flaws_of(terms=known, now=now):
        raise Invalid(flaw.words, code="policy", field=f"{flaw.place}.{flaw.field}")
    return known


def lock_person(*, person_id: UUID) -> None:
    """Have this transaction alone change what a person has decided, and go on only if it would have any effect.

    Raises: Superseded where all records of the person have been given to others since somebody looked.
    """
    operations.lock_person(person_id=person_id)
    if not is_held(person_id=person_id):
        raise Superseded(
            "The records of this person now belong to another. Find the patient anew, and record it there."
        )


def _known(provision: Provision, /, *, place: str) -> Provision:
    """Return a provision with users by id.

    Raises: Invalid when not all whom it names have an account or are registered, or when a source is not.
    """
    actors = frozenset(_with_id(actor) for actor in provision.actors)
    named = {kind: {actor.value for actor in actors if actor.kind is kind} for kind in ActorKind}
    users = User.objects.filter(id__in=named[ActorKind.USER]).count()
    organisations = Organisation.objects.filter(ods_code__in=named[ActorKind.ORGANISATION]).count()
    are_known = users == len(named[ActorKind.USER]) and organisations == len(named[ActorKind.ORGANISATION])
    if not are_known or not named[ActorKind.ROLE] <= set(MEMBERSHIP_ROLES):
        raise Invalid("This person, role or organisation is not known here.", code="policy", field=f"{place}.actors")
    sources = {*provision.sources, *(key.source_id for key in provision.items)}
    if sources and not sources <= {source.id for source in all_sources()}:
        raise Invalid("This source is not known here.", code="policy", field=f"{place}.sources")
    return replace(provision, actors=actors)


def _with_id(actor: Actor, /) -> Actor:
    if actor.kind is not ActorKind.USER:
        return actor
    try:
        return Actor.user(UUID(actor.value))
    except ValueError:
        return Actor.user(user_id_for(username=actor.value) or UUID(int=0))


def names_in(*, terms: Iterable[PolicyTerms]) -> Names:
    """Return the names of the sources, organisations and users that policies name; what is not there has none."""
    provisions = [provision for policy in terms for provision in provisions_in(policy)]
    actors = [actor for provision in provisions for actor in provision.actors]
    organisations = {actor.value for actor in actors if actor.kind is ActorKind.ORGANISATION}
    users = {UUID(actor.value) for actor in actors if actor.kind is ActorKind.USER}
    sources = any(provision.sources or provision.items for provision in provisions)
    return Names(
        sources={str(source.id): source.name for source in all_sources()} if sources else {},
        organisations=dict(Organisation.objects.filter(ods_code__in=organisations).values_list("ods_code", "name")),
        users={
            str(user.id): " ".join(filter(None, (user.prefix, user.given, user.family)))
            for user in User.objects.filter(id__in=users)
        },
    )
