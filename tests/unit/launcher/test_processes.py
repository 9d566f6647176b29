"""A request to stop is carried out, wherever it arrives."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.processes import Child, Stopped, start, stop, stoppable, wait_until
from launcher.supervision import Part, supervise


class Dropping:
    """Python drops what is raised inside its destructor, as it does in a weak reference's callback."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "then",
    [
        lambda child: supervise(parts=[Part(child, lambda: child)], say=lambda _: None),
        lambda child: wait_until(ready=lambda: False, child=child, within_s=5),
    ],
    ids=["supervise", "wait_until"],
)
def test_a_request_to_stop_that_was_dropped_is_carried_out_at_the_next_wait(
    then: Callable[[Child], None], tmp_path: Path
) -> None:
    def then_after_dropping(child: Child) -> None:
        dropping = Dropping()
        del dropping
        then(child)

    child = start(name="sleeper", command=[sys.executable, "-c", "import time; time.sleep(20)"], log=tmp_path / "log")
    try:
        with pytest.raises(Stopped), stoppable():
            then_after_dropping(child)
    finally:
        stop(children=[child])


def test_a_wait_after_one_that_was_stopped_waits_again(tmp_path: Path) -> None:
    with pytest.raises(Stopped), stoppable():
        signal.raise_signal(signal.SIGTERM)
    child = start(name="sleeper", command=[sys.executable, "-c", "import time; time.sleep(20)"], log=tmp_path / "log")
    looks = iter([False, True])
    wait_until(ready=lambda: next(looks), child=child, within_s=5)
    stop(children=[child])
