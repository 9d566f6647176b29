"""`manage.py convert_record`, as a process with no setting: a Bundle, a report, or one line of what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[3]
PRACTICE_ANSWER = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "2", "name": [{"family": "Testcase"}]}},
        {
            "resource": {
                "resourceType": "Observation",
                "id": "o1",
                "status": "final",
                "code": {"text": "Weight"},
                "subject": {"reference": "Patient/2"},
                "comment": "Fasting",
            }
        },
        {"resource": {"resourceType": "Observation", "id": "o2", "status": "final", "effectiveDateTime": "19"}},
        {
            "resource": {
                "resourceType": "ReferralRequest",
                "id": "r1",
                "status": "active",
                "intent": "order",
                "subject": {"reference": "Patient/2"},
            }
        },
        {"resource": {"resourceType": "BodySite", "id": "b1", "patient": {"reference": "Patient/2"}}},
    ],
}


def convert(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command with an environment that holds no setting."""
    return subprocess.run(
        [sys.executable, "manage.py", "convert_record", *map(str, arguments)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(PRACTICE_ANSWER), encoding="utf-8")
    return file


def test_a_bundle_comes_out_and_the_report_beside_it(answer: Path) -> None:
    ran = convert("--kind", "gp_connect", answer)
    assert ran.returncode == 0
    made = json.loads(ran.stdout)
    types = [entry["resource"]["resourceType"] for entry in made["entry"]]
    assert types == ["Patient", "Observation", "Observation", "ServiceRequest"]
    patient, observation, *_ = made["entry"]
    assert observation["resource"]["note"] == [{"text": "Fasting"}]
    assert observation["resource"]["subject"]["reference"] == patient["fullUrl"]
    assert "1 x Observation: effectiveDateTime (not a date or time)" in ran.stderr
    assert "BodySite 1" in ran.stderr
    assert "Testcase" not in ran.stderr


def test_several_files_go_to_a_folder_and_the_report_to_a_file(answer: Path, tmp_path: Path) -> None:
    second = tmp_path / "second.json"
    second.write_text(answer.read_text(encoding="utf-8"), encoding="utf-8")
    out, report = tmp_path / "new" / "out", tmp_path / "report.txt"
    ran = convert("--kind", "gp_connect", answer, second, "--out", out, "--report", report)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert sorted(file.name for file in out.iterdir()) == ["answer.json", "second.json"]
    assert "second.json:" in report.read_text(encoding="utf-8")


def test_one_file_of_several_that_holds_no_record_is_named_and_the_rest_is_made(answer: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("<html>", encoding="utf-8")
    ran = convert("--kind", "gp_connect", broken, answer, "--out", tmp_path / "out")
    assert ran.returncode == 1
    assert (tmp_path / "out" / "answer.json").exists()
    assert "broken.json: holds no record (malformed: not-fhir)." in ran.stderr


def test_what_fails_says_so_without_a_traceback(tmp_path: Path) -> None:
    ran = convert("--kind", "gp_connect", tmp_path / "nothing.json")
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.strip().splitlines()
    assert "nothing.json: cannot be read" in line


def wrong(*arguments: object) -> str:
    """Run what must fail, and return the one line that it says."""
    with pytest.raises(CommandError) as caught:
        call_command("convert_record", *map(str, arguments), stdout=StringIO(), stderr=StringIO())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_wrong_is_said_in_one_line(answer: Path, tmp_path: Path) -> None:
    assert "the kinds are" in wrong("--kind", "fax", answer)
    assert "cannot be read" in wrong("--kind", "gp_connect", tmp_path / "nothing.json")
    assert "cannot be read" in wrong("--kind", "gp_connect", tmp_path)
    assert "--out" in wrong("--kind", "gp_connect", answer, answer)
    assert "same name" in wrong("--kind", "gp_connect", answer, answer, "--out", tmp_path / "out")
    assert "overwrite" in wrong("--kind", "gp_connect", answer, "--out", tmp_path)
    assert "holds no record" in wrong("--kind", "fhir_r4", _empty(tmp_path))
    assert "cannot be written" in wrong("--kind", "gp_connect", answer, "--out", answer / "below")


def _empty(folder: Path) -> Path:
    file = folder / "empty.json"
    file.write_text('{"resourceType":"Bundle","type":"searchset"}', encoding="utf-8")
    return file
