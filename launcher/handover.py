"""How a command of `manage.py` turns into the launcher."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

PROJECT = Path(__file__).resolve().parents[1]


def hand_over(*arguments: str) -> NoReturn:
    """Replace this process, whose settings have no services yet, with `python -m launcher` and these arguments."""
    sys.stdout.flush()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    os.execv(sys.executable, [sys.executable, "-m", "launcher", *arguments])  # noqa: S606 (our own module)
