"""`python -m tests.mutation`: changes the pure modules and a sample of the rest, and lists what no test notices.

Pure modules (those changed since BASE, or all of them) are tried in full against the tests that need no service. Of all
else a seeded sample is tried, each against the tests that reach the changed function.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.mutation.meaning import meaningful_mutants
from tests.mutation.modules import changed_since, other_modules, pure_modules
from tests.mutation.reach import measure
from tests.mutation.trial import Ended, Trial, try_mutant
from tests.mutation.workshop import FOLDER, NOT_REACHED, PROJECT, SURVIVED, Workshop, open_workshop

# Which tests may notice a change to a pure module: none of them needs a service.
PURE_TESTS = {
    ("aggregator", "config"): ("tests/unit", "tests/property"),
    ("connectors", "fhir_data"): ("tests/unit/connectors", "tests/unit/fhir_data", "tests/contract"),
}
QUICK_TEST = "tests/unit/accounts"  # mutmut runs one before it makes anything
AT_ONCE = 2


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for and print what survived. There is no score to reach: the exit status is 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--all", action="store_true", help="all pure modules, not only those changed since BASE")
    parser.add_argument("--base", default="main", help="the branch to compare with")
    parser.add_argument("--sample", type=int, default=50, metavar="N", help="how many mutants of the rest to try")
    parser.add_argument("--seed", type=int, default=1, help="which ones: the same seed takes the same")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, cwd=PROJECT, check=True)
    pure = pure_modules()
    if not options.all:
        pure = [path for path in pure if path in changed_since(base=options.base)]
    for packages, tests in PURE_TESTS.items():
        _try_pure(modules=[path for path in pure if path.parts[0] in packages], tests=tests)
    _try_sample(count=options.sample, seed=options.seed)
    print(f"\n{(time.monotonic() - started) / 60:.0f} minutes.")
    return 0


def _try_pure(*, modules: Sequence[Path], tests: Sequence[str]) -> None:
    if not modules:
        return
    packages = " and ".join(sorted({path.parts[0] for path in modules}))
    workshop = open_workshop(name=f"pure-{modules[0].parts[0]}", modules=modules, tests=tests, services=False)
    _say(f"{packages}, {len(modules)} pure modules: making mutants")
    names = _made(workshop)
    _say(f"{len(names)} mutants that change more than words: trying them")
    if names:
        workshop.try_mutants(names=names, at_once=AT_ONCE)
    ended = workshop.results()
    survived = [name for name in names if ended[name] == SURVIVED]
    missed = [name for name in names if ended[name] == NOT_REACHED]
    print(
        f"\nPure modules of {packages}: {len(names)} mutants, {len(survived)} survived, "
        f"{len(missed)} are reached by no test."
    )
    _print_survivors(workshop=workshop, names=survived, title="survived")
    _print_survivors(workshop=workshop, names=missed, title="reached by no test that needs no service")


def _try_sample(*, count: int, seed: int) -> None:
    if not count:
        return
    workshop = open_workshop(name="rest", modules=other_modules(), tests=[QUICK_TEST], services=True)
    _say("the rest: making mutants")
    names = _made(workshop)
    chosen = random.Random(seed).sample(names, min(count, len(names)))
    _say("the rest: which tests reach what")
    reach = measure(data_file=FOLDER / "reach" / "coverage")
    _say(f"{len(chosen)} of {len(names)} mutants of the rest, seed {seed}: trying them")
    trials = [Trial.of(name=name, reach=reach) for name in chosen]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(partial(try_mutant, workshop=workshop), trials))
    survived = [trial.name for trial, end in zip(trials, ended, strict=True) if end is Ended.SURVIVED]
    print(f"\nThe rest, seed {seed}: {len(trials)} mutants of {len(names)}, {len(survived)} survived.")
    _print_survivors(workshop=workshop, names=survived, title="survived")


def _made(workshop: Workshop) -> list[str]:
    workshop.make_mutants()
    return meaningful_mutants(mutants=workshop.mutants, names=sorted(workshop.results()))


def _print_survivors(*, workshop: Workshop, names: Sequence[str], title: str) -> None:
    for name in names:
        print(f"\n{name} {title}\n{workshop.show(name)}")


def _say(what: str) -> None:
    print(f"  {what} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
