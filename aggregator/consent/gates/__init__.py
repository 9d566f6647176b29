"""The gates: one file each, declared in this list, in the order in which refusals are told. All must pass. Pure."""

from __future__ import annotations

from aggregator.consent.gate import ItemGate, PersonGate, SourceGate
from aggregator.consent.gates import (
    consent,
    consent_to_item,
    consent_to_source,
    membership,
    relationship,
    role,
    scope,
    sensitivity,
    sensitivity_of_source,
)

GATES: tuple[PersonGate | SourceGate | ItemGate, ...] = (
    role.GATE,
    membership.GATE,
    scope.GATE,
    relationship.GATE,
    consent.GATE,
    consent_to_source.GATE,
    sensitivity_of_source.GATE,
    consent_to_item.GATE,
    sensitivity.GATE,
)
