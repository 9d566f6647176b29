"""How often laws are tried: a small seeded share in `make test`, many more at random in `make prove`.

In `make mutate` the first counterexample is enough: none is made smaller, which may take minutes.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings

TIMES_IN_PROVE = 20


def is_proving() -> bool:
    """Return whether this is `make prove`."""
    return bool(os.environ.get("PROVE"))


def load_profile() -> None:
    """Have every property that says nothing else tried on the same examples each time, however long one takes."""
    settings.register_profile("tests", deadline=None, derandomize=not is_proving())
    settings.load_profile("tests")


def laws(*, examples: int, **more: Any) -> settings:
    """Return the settings of laws that `make test` tries on so many examples, the same ones each time."""
    proving = is_proving()
    mutating = bool(os.environ.get("MUTATING"))
    return settings(
        max_examples=examples * (TIMES_IN_PROVE if proving else 1),
        derandomize=not proving,
        deadline=None,
        phases=(Phase.explicit, Phase.generate) if mutating else tuple(Phase),
        suppress_health_check=[HealthCheck.too_slow],
        **more,
    )
