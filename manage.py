#!/usr/bin/env python
"""Run a command of the service. Without DJANGO_SETTINGS_MODULE it uses the settings for a developer's machine."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Hand the command line to Django; what the operator has to put right ends in one line that says what it is."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit(
            "Django is not installed for this Python. Run `make demo` or `make test` once, then use .venv/bin/python."
        )

    from django.db import InterfaceError, OperationalError

    from config.env import SettingError

    try:
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.exit(str(error))
    except (OperationalError, InterfaceError) as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(
            f"The command did not come to its end: the database cannot be reached, or is too busy "
            f"({type(error).__name__}). DATABASE_URL says where it is looked for, and --traceback says more."
        )


if __name__ == "__main__":
    main()
