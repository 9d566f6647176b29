"""The operations of the FHIR door: one module each, discovered in this folder.

A module declares `OPERATION`. The routes, the CapabilityStatement and the set of operations that wait for an answer
are derived from `OPERATIONS`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from aggregator.api.fhir.operation import Operation


def _registered() -> tuple[Operation, ...]:
    modules = (import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__))
    operations = tuple(module.OPERATION for module in modules)
    return tuple(sorted(operations, key=lambda operation: (operation.resource_type, operation.name)))


OPERATIONS: tuple[Operation, ...] = _registered()
