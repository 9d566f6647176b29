"""The files that hold the secrets which sources' options name: tokens, private keys, certificates.

An option whose name ends in `_secret` names a secret: a file in the folder of the setting SOURCE_SECRETS_FOLDER. The
registry of sources holds the name alone, so no page, export or log can hold the secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from aggregator.errors import Invalid

SUFFIX = "_secret"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def secrets_named(*, options: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the secrets that options name, by option, whether they are there or not."""
    return {name: value for name, value in options.items() if name.endswith(SUFFIX)}


def secret_files(*, options: Mapping[str, str]) -> dict[str, Path]:
    """Return the file of each secret that options name, by option; without those that are not there."""
    files = {name: _file(value) for name, value in secrets_named(options=options).items()}
    return {name: path for name, path in files.items() if path is not None}


def check_secrets(*, options: Mapping[str, str]) -> None:
    """Check that every secret which options name is there.

    Raises: Invalid naming the option and the secret.
    """
    for name, value in secrets_named(options=options).items():
        if _file(value) is None:
            raise Invalid(
                f"There is no secret {value!r} for the option {name}: put it into a file of that name in"
                " SOURCE_SECRETS_FOLDER, for the workers and the web processes to read.",
                field="options",
                code="no-secret",
            )


def _file(name: str, /) -> Path | None:
    if not settings.SOURCE_SECRETS_FOLDER or not _NAME.fullmatch(name):
        return None
    path = Path(settings.SOURCE_SECRETS_FOLDER) / name
    return path if path.is_file() else None
