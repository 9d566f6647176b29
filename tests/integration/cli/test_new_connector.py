"""`manage.py new_connector`, as a process with no setting: what it lays out, and what it refuses.

What is laid out fails its tests in words for the author; filled in as in `examples/ward_book` it passes them.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "ward_book"
FILLED_IN = {Path("src/ward_book/connector.py"), Path("tests/example.py"), Path("README.md")}
BARE = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}


def lay_out(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command with an environment that holds no setting."""
    return subprocess.run(
        [sys.executable, "manage.py", "new_connector", *map(str, arguments)],
        cwd=ROOT,
        env=BARE,
        capture_output=True,
        text=True,
        check=False,
    )


def run_tests(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a laid-out connector, as its author does."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**BARE, "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        text=True,
        check=False,
    )


def files_in(folder: Path) -> dict[Path, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder): path.read_bytes() for path in found}


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    done = lay_out("ward_book", "--into", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"cd {tmp_path}/ward_book" in done.stdout
    return tmp_path / "ward_book"


def test_what_is_laid_out_fails_in_words_that_say_what_to_do(laid_out: Path) -> None:
    run = run_tests(laid_out)
    assert run.returncode == 1, run.stdout + run.stderr
    assert re.search(r"1[0-9] failed, 1 passed", run.stdout)  # the one about secrets, of which there are none
    said = set(re.findall(r"^E +(\w+: .*)$", run.stdout, flags=re.MULTILINE))
    assert said
    assert all(line.startswith(("NotImplementedError: ", "AssertionError: ")) for line in said)
    for method in ("ask", "check", "fetch_document", "convert"):
        assert any(line.startswith(f"NotImplementedError: {method} is not written yet: ") for line in said)
    assert any("capabilities.categories names no clinical category" in line for line in said)


def test_once_the_connector_is_written_the_example_says_what_it_lacks(laid_out: Path) -> None:
    shutil.copy(EXAMPLE / "src/ward_book/connector.py", laid_out / "src/ward_book/connector.py")
    run = run_tests(laid_out)
    assert run.returncode == 1
    assert "NotImplementedError: tests/example.py, well: answer each request" in run.stdout


def test_filled_in_it_passes(laid_out: Path) -> None:
    for path in FILLED_IN:
        shutil.copy(EXAMPLE / path, laid_out / path)
    run = run_tests(laid_out)
    assert run.returncode == 0, run.stdout
    assert re.search(r"17 passed", run.stdout)


def test_the_example_is_as_it_is_laid_out_but_for_what_was_filled_in(laid_out: Path) -> None:
    made, kept = files_in(laid_out), files_in(EXAMPLE)
    assert set(made) == set(kept)
    assert {path for path in made if made[path] != kept[path]} == FILLED_IN


def test_what_is_laid_out_is_in_our_style(laid_out: Path) -> None:
    for command in (["check"], ["format", "--check"]):
        checked = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", ROOT / "pyproject.toml", laid_out],
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout


def test_without_longview_its_tests_say_what_is_missing(laid_out: Path) -> None:
    run = run_tests(laid_out, PYTHONPATH="")
    assert run.returncode == 4
    assert "Longview is not on the path" in run.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ward", "must be a lower-case letter"),
        ("ward-book", "must be a lower-case letter"),
        ("1ward", "must be a lower-case letter"),
        ("w" * 31, "must be a lower-case letter"),
        ("../ward", "must be a lower-case letter"),
        ("wärd", "must be a lower-case letter"),
        ("class", "a word of Python's own"),
        ("fhir_r4", "a connector of the kind fhir_r4 already"),
        ("json", "can be imported here already"),
        ("django", "can be imported here already"),
        ("connectors", "can be imported here already"),
        ("django_htmx", "can be imported here already"),
        ("argon2_cffi", "is installed already"),
        ("ward_", "could not be built"),
        ("ward__book", "could not be built"),
        ("example", "for something else"),
        ("conftest", "for something else"),
        ("test_promises", "for something else"),
        ("identifier", "for something else"),
        ("reply", "for something else"),
        ("none", "for something else"),
        ("not_implemented_error", "for something else"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("new_connector", name, into=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", ["folder", "file", "dangling link"])
def test_nothing_is_written_over(tmp_path: Path, kept: str) -> None:
    target = tmp_path / "ward_book"
    if kept == "folder":
        target.mkdir()
    elif kept == "file":
        target.write_text("mine")
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(CommandError, match="exists already; nothing was changed"):
        call_command("new_connector", "ward_book", into=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ward_book"]
    assert not target.is_dir() or list(target.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named_in_one_line(tmp_path: Path) -> None:
    refused = lay_out("ward_book", "--into", tmp_path / "nowhere")
    assert refused.returncode == 1
    assert re.fullmatch(r"CommandError: \S+ cannot be made \(No such file or directory\)\.\n", refused.stderr)


def test_what_cannot_be_written_whole_is_removed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Template, "substitute", full)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("new_connector", "ward_book", into=tmp_path)
    assert list(tmp_path.iterdir()) == []
