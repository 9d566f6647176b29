"""What a gate is, what it is asked, and what it answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from aggregator.accounts.requester import PurposeOfUse, Requester
from aggregator.accounts.roles import Permission
from aggregator.break_glass.terms import EmergencyAccess
from aggregator.consent.policies import JointRules, Rules, joint_rules_for
from aggregator.consent.terms import PolicyTerms
from aggregator.record.item import Item
from aggregator.relationships.terms import RelationshipTerms
from fhir_data.labels import Label


@dataclass(frozen=True, kw_only=True)
class Case:
    """Who asks to do what with one person's record, and what is on record about that person now.

    `policies` are all of the person's, also those that have been withdrawn, and `joined` those that count for each of
    the people who were joined to the person: each must permit what is shown. `disclosing` are the labels of sources
    whose name alone tells something of whoever is known there. `emergency`: the requester has broken the glass, and
    asks for that purpose. `still_acts`: the requester's membership, or the client's registration, has not ended.
    """

    requester: Requester
    permission: Permission
    policies: tuple[PolicyTerms, ...]
    relationships: tuple[RelationshipTerms, ...]
    now: datetime
    still_acts: bool = False
    disclosing: Mapping[UUID, Label] = field(default_factory=dict)
    emergency: EmergencyAccess | None = None
    joined: tuple[tuple[PolicyTerms, ...], ...] = ()

    @property
    def may_break_glass(self) -> bool:
        """Whether the requester is a user who treats patients and whose role may break the glass."""
        requester = self.requester
        is_user = requester.user_id is not None and requester.membership_id is not None
        is_treating = requester.purpose is PurposeOfUse.TREATMENT
        return is_user and is_treating and requester.may(Permission.BREAK_GLASS)

    @cached_property
    def rules(self) -> Rules | JointRules:
        """What the person's policies say for this requester now."""
        return joint_rules_for(
            halves=(self.policies, *self.joined),
            requester=self.requester,
            now=self.now,
            goes_past_labels=self.emergency is not None,
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether a gate lets the requester through, and why, in words that they may read."""

    passed: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class PersonGate:
    """Asked once about the person. `name` is for the audit; `advice` says what somebody who is refused can do, and
    `in_emergency` what else, where they are not offered to break the glass."""

    name: str
    advice: str
    in_emergency: str = ""
    ask: Callable[[Case], Answer]


@dataclass(frozen=True, kw_only=True)
class SourceGate:
    """Asked about each source that is known to hold the person, before it is asked and at each showing.

    A source that it keeps back is not shown to be one at all, so its reason is never shown.
    """

    name: str
    ask: Callable[[Case, UUID], Answer]


@dataclass(frozen=True, kw_only=True)
class ItemGate:
    """Asked about each item, once the gates about the person have all passed.

    It has no advice and its reason is never shown: nobody is told what is withheld, nor how much. `keeps_parts`, asked
    of an item that it does not let through: whether the same holds for what belongs to the item.
    """

    name: str
    ask: Callable[[Case, Item], Answer]
    keeps_parts: Callable[[Case, Item], bool] = lambda case, item: True
