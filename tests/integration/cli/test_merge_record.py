"""`manage.py merge_record` after `convert_record`: the same truth as the service's, and one person only."""

from __future__ import annotations

import json
import re
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from aggregator.record import document, merge
from aggregator.record.timeline import LongitudinalRecord
from tests.contract.loopback import CONNECTORS
from tests.contract.real_payloads import GP_RECORDS, R4_RECORDS, names, needs_payloads

ROOT = Path(__file__).resolve().parents[3]
NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
JOAN: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": NUMBER, "value": "9990001006"}],
    "name": [{"family": "Ferris", "given": ["Joan"]}],
    "birthDate": "1951-05-04",
    "gender": "female",
}


def bundle(*resources: dict[str, Any], patient: dict[str, Any] | None = None) -> str:
    entries = [{"fullUrl": f"urn:uuid:{number:032x}", "resource": one} for number, one in enumerate(resources)]
    subject = {"fullUrl": "https://h.example/Patient/p", "resource": patient or JOAN}
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [subject, *entries]})


def merged(*files: Path, **options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("merge_record", *map(str, files), "--json", stdout=out, **options)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def converted(path: Path, *, kind: str, folder: Path) -> Path:
    call_command("convert_record", str(path), kind=kind, out=folder, stderr=StringIO())
    return folder / f"{path.stem}.json"


def entries_of(record: LongitudinalRecord) -> Counter[tuple[str, str, str]]:
    return Counter(
        (str(section.category), entry.heading, entry.rule) for section in record.sections for entry in section.entries
    )


@needs_payloads
@pytest.mark.parametrize(
    ("kind", "path"),
    [*(("gp_connect", path) for path in GP_RECORDS), *(("fhir_r4", path) for path in R4_RECORDS)],
    ids=lambda value: names(value) if isinstance(value, Path) else value,
)
def test_a_converted_file_merges_to_what_the_service_would_show(kind: str, path: Path, tmp_path: Path) -> None:
    reply = CONNECTORS[kind].convert(payload=path.read_bytes())
    shown = merge.merge(items=document.items_of(reply=reply, source_id="s"))
    found = merged(converted(path, kind=kind, folder=tmp_path))
    told = Counter(
        (section["category"], entry["heading"], entry["rule"])
        for section in found["sections"]
        for entry in section["entries"]
    )
    assert told == entries_of(shown)
    assert len(found["conflicts"]) == len(shown.conflicts)


def test_a_medicine_is_found_by_the_address_of_its_entry(tmp_path: Path) -> None:
    medicine = {"resourceType": "Medication", "code": {"text": "Warfarin 1mg tablets"}}
    order = {
        "resourceType": "MedicationRequest",
        "id": "1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "medicationReference": {"reference": f"urn:uuid:{0:032x}"},
    }
    entries = json.loads(bundle(medicine, order))
    for key in ("urn:uuid:0b0e8a3a-4b7e-4c51-9d2b-6f0c1f2d3e4f", "https://h.example/Medication/9", "urn:oid:1.2.3"):
        entries["entry"][1]["fullUrl"] = key
        entries["entry"][2]["resource"]["medicationReference"]["reference"] = key
        file = tmp_path / "sent.json"
        file.write_text(json.dumps(entries), encoding="utf-8")
        found = merged(converted(file, kind="fhir_r4", folder=tmp_path / "out"))
        assert [entry["heading"] for entry in found["sections"][0]["entries"]] == ["Warfarin 1mg tablets"]


OTHERS = [
    ({"identifier": [{"system": NUMBER, "value": "9990001014"}]}, "NHS number"),
    ({"birthDate": "1951-05-05"}, "birth date"),
    ({"gender": "male"}, "sex"),
    ({"name": [{"family": "Holt", "given": ["Peter"]}]}, "name"),
]


@pytest.mark.parametrize(("other", "field"), OTHERS)
def test_files_of_two_people_are_refused_unless_that_is_wanted(
    other: dict[str, Any], field: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(bundle(), encoding="utf-8")
    second.write_text(bundle(patient={**JOAN, **other}), encoding="utf-8")
    with pytest.raises(CommandError) as refused:
        merged(first, second)
    assert re.search(rf"first and second are about different people \(they differ in {field}\)", str(refused.value))
    assert not re.search("Ferris|Holt|999000|1951", str(refused.value))
    assert merged(first, second, allow_different_people=True)["sections"] == []


def test_the_json_is_what_the_document_promises(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "merge_record.md").read_text()
    promised, *sent = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert printed_for(sent, folder=tmp_path) == promised


def printed_for(bundles: list[dict[str, Any]], *, folder: Path) -> dict[str, Any]:
    """Return what the two commands print for the document's two files."""
    files = []
    for name, sent in zip(("hospital", "practice"), bundles, strict=True):
        file = folder / f"{name}.json"
        file.write_text(json.dumps(sent), encoding="utf-8")
        files.append(converted(file, kind="fhir_r4", folder=folder / "converted"))
    return merged(*files)
