#!/usr/bin/env python
"""Run a command of the service. Without DJANGO_SETTINGS_MODULE it uses the settings for a developer's machine."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Hand the command line to Django; a missing setting ends in one line that says what to do."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit(
            "Django is not installed for this Python. Run `make demo` or `make test` once, then use .venv/bin/python."
        )

    from config.env import SettingError

    try:
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
