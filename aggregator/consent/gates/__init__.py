"""The gates: one file each, declared in this list, in the order in which refusals are told. All must pass. Pure."""

from __future__ import annotations

from aggregator.consent.gate import ItemGate, PersonGate
from aggregator.consent.gates import consent, relationship, role, scope, sensitivity

GATES: tuple[PersonGate | ItemGate, ...] = (
    role.GATE,
    scope.GATE,
    relationship.GATE,
    consent.GATE,
    sensitivity.GATE,
)
