"""A pytest plugin for mutants: no answer that the code as it stands has left in a cache is given for a mutant's.

mutmut runs the tests once before it tries a mutant, and each trial begins as a copy of that process.
"""

from __future__ import annotations

import sys

from tests.mutation.workshop import SOURCES


def pytest_sessionstart() -> None:
    """Empty the caches of every function of ours."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in SOURCES:
            for member in list(vars(module).values()):
                empty = getattr(member, "cache_clear", None)
                if callable(empty):
                    empty()
