"""The commands by which an operator sets a source up, and the one that merges files."""

from __future__ import annotations

import errno
import json
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from aggregator.mpi.models import SourceRecord
from aggregator.sources.models import Source
from tests.hospital import Hospital, Said, running, statement
from tests.world import NOWHERE

ADD = ("add_source", "north", "https://north.example/fhir", "--kind", "fhir_r4", "--ods", "RNN", "--no-check")


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_a_source_is_registered_and_then_changed() -> None:
    assert run(*ADD, "--option", "search=post")[0] == "north is registered.\n"
    assert run(*ADD, "--holds", "problems", "--holds", "documents")[0] == "north is changed.\n"
    assert Source.objects.get(slug="north").holds == ["documents", "problems"]
    assert run(*ADD, "--time-limit", "4", "--name", "The North", "--freshness", "60")[0] == "north is changed.\n"
    source = Source.objects.get(slug="north")
    assert (source.freshness_s, source.revision) == (60, 2)
    assert run("change_source", "north", "--freshness", "0", "--no-check")[0] == "north is changed.\n"
    assert Source.objects.get(slug="north").freshness_s == 0
    assert (source.name, source.time_limit_s, source.organisation.ods_code) == ("The North", 4.0, "RNN")


@pytest.mark.django_db
def test_a_source_is_asked_what_it_is_before_it_is_registered() -> None:
    with running(Hospital(answers={"metadata": Said(body=statement("Condition"))})) as hospital:
        said, _ = run("add_source", "south", hospital.address, "--kind", "fhir_r4", "--ods", "RSS")
    assert said == "south is registered: FHIR 4.0.1, 1 type.\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add_source", "North", "https://n.example", "--kind", "fhir_r4", "--ods", "R"), "lower-case letters"),
        (("add_source", "n", "ftp://n.example", "--kind", "fhir_r4", "--ods", "R"), "https://"),
        (("add_source", "n", "https://n.example", "--kind", "hl7v9", "--ods", "R"), "There is no connector"),
        ((*ADD, "--time-limit", "0"), "Time limit"),
        ((*ADD, "--freshness", "901"), "from 0 to 900"),
        ((*ADD, "--option", "novalue"), "NAME=VALUE"),
        ((*ADD, "--option", "to_asid=1"), "no option to_asid"),
        ((*ADD, "--holds", "problem"), "--holds takes .*problems.*; not problem"),
        (("add_source", "n", NOWHERE, "--kind", "fhir_r4", "--ods", "R"), "no connection.* --no-check"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)
    assert not Source.objects.exists()


@pytest.mark.django_db
def test_identities_are_loaded_and_bad_lines_are_named(tmp_path: Path) -> None:
    run(*ADD)
    people = tmp_path / "people.csv"
    people.write_text(
        "local_id,nhs_number,family,given,birth_date\n"
        "1,999 000 1006,Ferris,Joan,1951-05-04\n"
        "1,9990001014,Holt,Peter,1960-09-12\n"
        ",,Nobody,No,1970-01-01\n"
        "3,9600000005,Late,Ann,04/05/1951\n"
        "4,9600000005,Odd,Ann,1951-05-04\n"
    )
    out, err = run("load_identities", "north", str(people), "--json")
    counts = json.loads(out)
    assert (counts["new_people"], counts["rejected"], counts["invalid_numbers"]) == (2, 3, 1)
    assert err.splitlines() == [
        "line 3 was not loaded: the same identifier is on an earlier line",
        "line 4 was not loaded: no identifier",
        "line 5 was not loaded: birth_date is not a date such as 1980-08-14",
    ]
    rejects = tmp_path / "rejects.csv"
    run("load_identities", "north", str(people), "--rejects", str(rejects))
    assert rejects.stat().st_mode & 0o077 == 0
    rejects.write_text(rejects.read_text().replace("04/05/1951", "1951-05-04"))
    run("load_identities", "north", str(rejects))
    assert SourceRecord.objects.filter(identifier_value="3").exists()
    odd = SourceRecord.objects.get(identifier_value="4")
    assert (odd.nhs_number_sent, odd.nhs_number) == ("9600000005", "")
    assert json.loads(run("load_identities", "north", str(people), "--json")[0])["updated"] == 2


@pytest.mark.django_db
def test_a_file_of_rejects_that_is_there_already_becomes_private(tmp_path: Path) -> None:
    run(*ADD)
    people, rejects, link, pipe = (tmp_path / name for name in ("people.csv", "rejects.csv", "link.csv", "pipe"))
    people.write_text("local_id,family\n,Nobody\n")
    rejects.write_text("of another day\n")
    link.symlink_to(rejects)
    for path in (rejects, link):
        rejects.chmod(0o664)
        run("load_identities", "north", str(people), "--rejects", str(path))
        assert "Nobody" in rejects.read_text()
        assert rejects.stat().st_mode & 0o777 == 0o600
    assert link.is_symlink()

    os.mkfifo(pipe, 0o640)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    run("load_identities", "north", str(people), "--rejects", str(pipe))
    assert b"Nobody" in os.read(reader, 4096)
    os.close(reader)
    assert pipe.stat().st_mode & 0o777 == 0o640  # what is no file is left as it is


@pytest.mark.django_db
def test_identities_are_not_loaded_when_the_file_of_rejects_cannot_be_made_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def belongs_to_somebody_else(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    run(*ADD)
    people, rejects = tmp_path / "people.csv", tmp_path / "rejects.csv"
    people.write_text("local_id,family\n1,Ferris\n")
    rejects.touch()
    monkeypatch.setattr(Path, "chmod", belongs_to_somebody_else)
    with pytest.raises(CommandError, match="cannot be made private"):
        run("load_identities", "north", str(people), "--rejects", str(rejects))
    assert not SourceRecord.objects.exists()


@pytest.mark.django_db
def test_identities_of_an_unknown_source_or_file_are_refused(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none.csv")
    with pytest.raises(CommandError, match="cannot be read"):
        run("load_identities", "north", nowhere)
    (tmp_path / "people.csv").write_text("local_id\n1\n")
    with pytest.raises(CommandError, match="add_source"):
        run("load_identities", "north", str(tmp_path / "people.csv"))


@pytest.mark.django_db
def test_an_account_is_made_with_a_password_that_signs_in() -> None:
    account = ("add_user", "dr.new", "--family", "New", "--given", "Ann", "--ods", "RNN", "--role", "clinician")
    password = run(*account)[0].split()[-1]
    signed_in = Client(headers={"host": "testserver"}).post("/sign-in", {"username": "dr.new", "password": password})
    assert signed_in.status_code == 302


def test_a_role_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(CommandError, match=r"choose from '?clinician'?, '?nurse'?, .*'?source-operator'?\)"):
        run("add_user", "dr.new", "--family", "N", "--given", "A", "--ods", "RNN", "--role", "wizard")


BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "id": "p"}},
        {
            "resource": {
                "resourceType": "Condition",
                "id": "c",
                "subject": {"reference": "Patient/p"},
                "onsetDateTime": "2011-03-04",
                "clinicalStatus": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
                },
                "code": {"coding": [{"system": "http://snomed.info/sct", "code": "195967001", "display": "Asthma"}]},
            }
        },
        {"resource": {"resourceType": "Condition", "id": "no-label", "meta": {"security": "R"}}},
        {"resource": {"resourceType": "Basic", "id": "no subject", "code": {"text": "a note"}}},
    ],
}


def test_files_are_merged_into_one_record(tmp_path: Path) -> None:
    files = []
    for name in ("north", "south"):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(BUNDLE))
        files.append(str(path))
    merged = json.loads(run("merge_record", *files, "--json")[0])
    section, other = merged["sections"]
    ((entry,)) = section["entries"]
    flaws = [item["flaws"] for flawed in other["entries"] for item in flawed["items"]]
    assert flaws == [[{"path": "id", "reason": "not-an-id"}]] * 2
    assert (section["category"], entry["heading"], entry["rule"]) == ("problems", "Asthma", "concept")
    assert entry["sources"] == ["north", "south"]
    assert merged["quarantined"] == {"invalid": 2}
    text = run("merge_record", *files)[0]
    assert "from north, south (concept)" in text
    assert "Set aside, invalid: 2." in text
    assert "Not as the standard says: id (not an id)" in text


def test_a_file_without_a_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("<html>")
    with pytest.raises(CommandError, match=r"no\.json holds no record"):
        run("merge_record", str(tmp_path / "no.json"))
    with pytest.raises(CommandError, match="cannot be read"):
        run("merge_record", str(tmp_path / "missing.json"))
