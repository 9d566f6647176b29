"""Published test payloads of real systems, where the folder that holds them is at hand; no part of the project."""

from __future__ import annotations

import json
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


def _holds_a_patient(path: Path) -> bool:
    sent = json.loads(path.read_text(encoding="utf-8-sig"))
    entries = sent.get("entry", []) if sent.get("resourceType") == "Bundle" else [{"resource": sent}]
    return any(entry.get("resource", {}).get("resourceType") == "Patient" for entry in entries)


def names(value: object) -> str:
    """Name a payload in a test's id."""
    return value.stem[:48] if isinstance(value, Path) else str(value)


GP_RECORDS = [
    path
    for path in payloads("gpconnect_stu3/*.json", "gpconnect_stu3/wiremock/__files/*.json")
    if "Structured" in path.stem or "_full_" in path.stem or "ContainedResource" in path.stem
    if "MissingPatient" not in path.stem and path.stem != "sdsGetStructuredRecord"
]
_R4_FILES = payloads("ips/*.json", "synthea_r4/*.json", "nhs_r4/**/*.json", "pds_r4/**/*.json")
# What holds no Patient as an entry is nobody's record.
R4_RECORDS = [path for path in _R4_FILES if _holds_a_patient(path)]
NO_RECORDS = [path for path in _R4_FILES if path not in R4_RECORDS]
