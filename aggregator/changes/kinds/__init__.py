"""The kinds of change: one module each, discovered in this folder. A module declares `KIND`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from aggregator.changes.kind import ChangeKind


def _discovered() -> Mapping[str, ChangeKind]:
    kinds = [import_module(f"{__name__}.{module.name}").KIND for module in iter_modules(__path__)]
    return {kind.name: kind for kind in kinds}


KINDS: Mapping[str, ChangeKind] = _discovered()
