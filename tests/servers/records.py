"""The records that the servers are given: of a hospital of the synthetic region, with billing added."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from launcher.region import written_region

SEED, HOSPITAL = "2026", "thornmere-royal"


def records(*, folder: Path, people: int) -> list[dict[str, Any]]:
    """Return the resources of some people, those that they refer to among them, each once."""
    region = written_region(folder=folder, seed=SEED, today=date(2026, 11, 27))
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((region.folder / HOSPITAL / "records").glob("*.json"))[:people]:
        for entry in json.loads(path.read_text())["entry"]:
            resource = entry["resource"]
            found[f"{resource['resourceType']}/{resource['id']}"] = resource
    found.pop("OperationOutcome", None)
    patients = [resource for resource in found.values() if resource["resourceType"] == "Patient"]
    return [*found.values(), *(_coverage(patient["id"]) for patient in patients)]


def _coverage(patient_id: str) -> dict[str, Any]:
    return {
        "resourceType": "Coverage",
        "id": f"c-{patient_id}",
        "status": "active",
        "beneficiary": {"reference": f"Patient/{patient_id}"},
        "payor": [{"display": "Who pays"}],
    }


def as_transaction(resources: list[dict[str, Any]]) -> bytes:
    """Return a transaction that puts each resource at its own name."""
    entries = [
        {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}
        for resource in resources
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
