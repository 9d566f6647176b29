"""The benchmark runs and shows its table. What it measures is looked at, never asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.records import practice_record
from tests.integration.launcher.launching import bare_environment, data_folder, remove
from tests.proofs import is_proving

PROJECT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a data folder for services of the benchmark's own."""
    made = data_folder(name="benchmarks")
    yield made
    remove(folder=made)


prove_only = pytest.mark.skipif(not is_proving(), reason="it takes most of a minute: `make prove` runs it")


def run_with_services(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--folder", str(folder), *arguments],
        cwd=PROJECT,
        env=bare_environment(folder=folder),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_work_on_one_record_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    ended = run("--quick", "--only", "work", "--json", str(file))
    assert ended.returncode == 0, ended.stderr
    assert "this project" in ended.stdout
    assert "Versions: Python" in ended.stdout
    (table,) = json.loads(file.read_text())["tables"]
    assert {len(row["this project"]) for row in table["rows"]} == {2}
    assert all(value > 0 for row in table["rows"] for value in (*row["this project"], *row["beside it"], row["ratio"]))


@prove_only
def test_what_an_ordinary_source_feels_beside_hostile_ones_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    ended = run("--quick", "--only", "hostile", "--json", str(file))
    assert ended.returncode == 0, ended.stderr
    beside_hostile, beside_large = json.loads(file.read_text())["tables"]
    assert [row["unit"] for row in beside_hostile["rows"]] == ["ms", "ms", "ms", "MB"]
    assert [row["unit"] for row in beside_large["rows"]] == ["MB", "ms"]
    rows = [*beside_hostile["rows"], *beside_large["rows"]]
    assert all(value > 0 for row in rows for value in (*row["this project"], *row["beside it"]))


def test_what_a_large_answer_takes_in_memory_is_measured_also_of_one_that_is_named(tmp_path: Path) -> None:
    file, answer = tmp_path / "figures.json", tmp_path / "answer.json"
    answer.write_bytes(practice_record())
    ended = run("--quick", "--only", "memory", "--answer", str(answer), "--json", str(file))
    assert ended.returncode == 0, ended.stderr
    (table,) = json.loads(file.read_text())["tables"]
    assert [(row["unit"], row["aim"]) for row in table["rows"]] == [("MB", "120 MB")] * 2
    assert all(value > 0 for row in table["rows"] for value in (*row["this project"], *row["beside it"]))
    assert "there is no file" in run("--only", "memory", "--answer", str(tmp_path / "nowhere.json")).stderr


@prove_only
def test_a_retrieval_is_measured_beside_a_task_per_source(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    ended = run_with_services("--only", "peer", "--json", str(file), folder=folder)
    assert ended.returncode == 0, ended.stderr
    (table,) = json.loads(file.read_text())["tables"]
    cpu = [row for row in table["rows"] if "CPU of worker, each, beside a task per source" in row["figure"]]
    assert [(row["unit"], row["aim"]) for row in cpu] == [("ms", "0.45 x")] * 2
    assert all(value > 0 for row in cpu for value in (*row["this project"], *row["beside it"]))
    requests = [row for row in table["rows"] if "requests, each" in row["figure"]]
    assert {(*row["this project"], *row["beside it"]) for row in requests} == {(12, 12)}


@prove_only
def test_a_record_of_the_demonstration_region_is_opened_and_shown_and_measured(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    ended = run_with_services("--only", "demonstration", "--json", str(file), folder=folder)
    assert ended.returncode == 0, ended.stderr
    (table,) = json.loads(file.read_text())["tables"]
    together, *parts = table["rows"]
    assert (together["unit"], together["aim"]) == ("ms", "90 ms")
    apart = {row["figure"].rpartition(" ")[2]: row["this project"][0] for row in parts[:5]}
    assert all(value > 0 for value in apart.values())
    (whole,) = together["this project"]
    assert whole == pytest.approx(sum(apart[name] for name in ("web", "worker", "PostgreSQL")), abs=0.001)


def test_a_file_that_cannot_be_written_is_named_before_anything_runs(tmp_path: Path) -> None:
    ended = run("--json", str(tmp_path / "nowhere" / "figures.json"))
    assert ended.returncode == 2
    assert "no folder" in ended.stderr
