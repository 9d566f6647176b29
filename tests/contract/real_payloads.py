"""Published test payloads of real systems, where the folder that holds them is at hand; no part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _folder() -> Path | None:
    override = os.environ.get("LONGVIEW_SHARED")
    starts = [Path(override)] if override else [parent / "shared" for parent in Path(__file__).resolve().parents[3:]]
    return next((start / "data" for start in starts if (start / "data").is_dir()), None)


FOLDER = _folder()
needs_payloads = pytest.mark.skipif(
    FOLDER is None, reason="needs the folder of published payloads: set LONGVIEW_SHARED to the folder that holds data/"
)


def payloads(*patterns: str) -> list[Path]:
    """Return the payloads that match, none where the folder is not at hand."""
    return [path for pattern in patterns for path in sorted(FOLDER.glob(pattern))] if FOLDER else []


def names(value: object) -> str:
    """Name a payload in a test's id."""
    return value.stem[:48] if isinstance(value, Path) else str(value)


GP_RECORDS = [
    path
    for path in payloads("gpconnect_stu3/*.json", "gpconnect_stu3/wiremock/__files/*.json")
    if "Structured" in path.stem or "_full_" in path.stem or "ContainedResource" in path.stem
    if "MissingPatient" not in path.stem and path.stem != "sdsGetStructuredRecord"
]
R4_RECORDS = [
    path
    for path in payloads("ips/*.json", "synthea_r4/*.json", "nhs_r4/**/*.json", "pds_r4/**/*.json")
    if "RecordService" not in path.stem
]
