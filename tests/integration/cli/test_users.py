"""Accounts and roles by command: a list, one role, a file in bulk."""

from __future__ import annotations

import csv
import json
import stat
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from aggregator.accounts.models import AccessEnd, Membership, User
from tests.world import HOSPITAL_ODS, PASSWORD, SURGERY_ODS, make_world, signed_in_client

pytestmark = pytest.mark.django_db

FILE = f"""username,title,given,family,role,organisation_ods,from_date,until_date
dr.one,Dr,Ada,One,clinician,{SURGERY_ODS},,
dr.one,Dr,Ada,One,nurse,{HOSPITAL_ODS},,2099-05-31
dr.osei,,Ama,Osei,clinician,{SURGERY_ODS},,2099-12-31
two,,Bo,Two,receptionist,{SURGERY_ODS},2099-01-01,
"""
JUNK = f"""three,,C,Three,operator,{SURGERY_ODS},,
four,,D,Four,nurse,NONE,,
five,,E,Five,nurse,{SURGERY_ODS},31/12/2026,
,,F,Six,nurse,{SURGERY_ODS},,
seven,,G,Seven,nurse,{SURGERY_ODS},2099-01-02,2099-01-01
{"x" * 151},,H,Eight,nurse,{SURGERY_ODS},,
nine,,I,Nine,nurse,{SURGERY_ODS},,,too,many
"""


@pytest.fixture(autouse=True)
def world() -> None:
    make_world()


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def load(tmp_path: Path, text: str, *arguments: str) -> dict[str, int]:
    (tmp_path / "users.csv").write_text(text)
    passwords = tmp_path / f"passwords-{len(list(tmp_path.iterdir()))}.csv"
    said_json = said("load_users", str(tmp_path / "users.csv"), "--passwords", str(passwords), "--json", *arguments)
    counts: dict[str, int] = json.loads(said_json)
    return counts


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_makes_accounts_gives_roles_and_ends_them(tmp_path: Path) -> None:
    counts = load(tmp_path, FILE)
    assert counts == {"recorded": 4, "accounts_added": 2, "roles_ended": 2, "rejected": 0}
    (written,) = tmp_path.glob("passwords-*.csv")
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    passwords = {row["username"]: row["password"] for row in rows(written)}
    assert set(passwords) == {"dr.one", "two"}
    client = Client(headers={"host": "testserver"})
    answer = client.post("/sign-in", {"username": "dr.one", "password": passwords["dr.one"]})
    assert answer.headers["Location"] == "/role"
    assert client.post("/sign-in", {"username": "two", "password": passwords["two"]}).status_code == 400  # not yet
    assert signed_in_client("dr.osei").get("/").status_code == 200


def test_to_load_it_again_changes_nothing(tmp_path: Path) -> None:
    load(tmp_path, FILE)
    before = (User.objects.count(), Membership.objects.count(), AccessEnd.objects.count())
    counts = load(tmp_path, FILE)
    assert counts == {"recorded": 4, "accounts_added": 0, "roles_ended": 0, "rejected": 0}
    assert (User.objects.count(), Membership.objects.count(), AccessEnd.objects.count()) == before
    assert load(tmp_path, FILE.replace("2099-05-31", "2098-05-31"))["roles_ended"] == 1
    assert load(tmp_path, FILE.replace("2099-05-31", ""))["roles_ended"] == 0  # an end is not taken back


def test_junk_costs_its_own_lines_and_is_named(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    counts = load(tmp_path, FILE + JUNK, "--rejects", str(rejects))
    assert counts == {"recorded": 4, "accounts_added": 2, "roles_ended": 2, "rejected": 7}
    assert [(row["line"], row["reason"]) for row in rows(rejects)] == [
        ("6", "no such role"),
        ("7", "no organisation has this ODS code here"),
        ("8", "from_date is no date as 2024-08-14"),
        ("9", "username is empty"),
        ("10", "it ends before it begins"),
        ("11", "username must be 150 characters or fewer."),
        ("12", "it has more fields than the heading"),
    ]
    assert not User.objects.filter(username__in=["three", "four", "five", "seven", "nine"]).exists()
    mended = rejects.read_text().replace("NONE", HOSPITAL_ODS)
    assert load(tmp_path, mended)["recorded"] == 1  # not the one with more fields than the heading


def test_nothing_is_loaded_where_the_passwords_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(FILE)
    (tmp_path / "there").write_text("")
    for place in (tmp_path / "there", tmp_path / "no folder" / "passwords"):
        with pytest.raises(CommandError, match="cannot be made"):
            said("load_users", str(tmp_path / "users.csv"), "--passwords", str(place))
    with pytest.raises(CommandError, match="heading"):
        load(tmp_path, "a,b\n1,2\n")
    assert not User.objects.filter(username="dr.one").exists()


def test_accounts_are_listed_with_their_roles() -> None:
    assert "dr.osei" in said("list_users", "--unused")
    (line,) = json.loads(said("list_users", "--search", "lane", "--json"))
    assert line["username"] == "ms.lane"
    assert [(role["role"], role["organisation"]) for role in line["roles"]] == [("administrator", SURGERY_ODS)]


def test_a_name_is_changed_by_command() -> None:
    named = ("--prefix", "Dr", "--given", "Ama", "--family", "Boateng", "--reason", "Married.")
    said("change_name", "dr.osei", *named)
    assert "Dr Ama Boateng" in said("list_users")
    with pytest.raises(CommandError, match="no open account"):
        said("change_name", "nobody", *named)


def test_a_role_is_added_and_ended_by_command() -> None:
    named = ("--role", "nurse", "--ods", HOSPITAL_ODS, "--reason", "Works there, too.")
    said("add_role", "dr.osei", *named)
    client = Client(headers={"host": "testserver"})
    sign_in = {"username": "dr.osei", "password": PASSWORD}
    assert client.post("/sign-in", sign_in).headers["Location"] == "/role"
    with pytest.raises(CommandError, match="already"):
        said("add_role", "dr.osei", *named)
    said("end_role", "dr.osei", *named)
    with pytest.raises(CommandError, match="no such role"):
        said("end_role", "dr.osei", *named)
    assert client.post("/sign-in", sign_in).headers["Location"] == "/"
    said("end_role", "dr.osei", "--all", "--reason", "Left.")
    assert client.post("/sign-in", sign_in).status_code == 400


@pytest.mark.parametrize(
    "arguments",
    [
        ("dr.osei", "--reason", "x"),
        ("dr.osei", "--reason", "x", "--all", "--role", "nurse", "--ods", SURGERY_ODS),
        ("dr.osei", "--reason", "x", "--role", "nurse"),
        ("dr.osei", "--reason", " ", "--all"),
        ("dr.osei", "--reason", "x", "--all", "--last-day", "2020-01-01"),
        ("dr.osei", "--reason", "x", "--all", "--last-day", "soon"),
        ("nobody", "--reason", "x", "--all"),
    ],
)
def test_what_cannot_be_ended_is_said(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        said("end_role", *arguments)
    assert signed_in_client("dr.osei").get("/").status_code == 200


def test_a_user_is_joined_to_a_person_whose_number_stands_in_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def entered(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", StringIO("\n".join(lines)))

    entered("999 000 1006", "1951-05-04")
    with pytest.raises(CommandError, match="another name"):
        said("join_user", "dr.osei", "--note", "Staff record.")
    entered("999 000 1006", "4 May 1951")
    with pytest.raises(CommandError, match="date of birth such as"):
        said("join_user", "dr.osei", "--note", "Staff record.")
    with pytest.raises(CommandError, match="Nobody has this user name"):
        said("join_user", "nobody", "--note", "Staff record.")
    entered("999 000 1006", "1951-05-04")
    assert said("join_user", "dr.osei", "--other-name", "--note", "Staff record.") == "The user is joined.\n"
    assert said("join_user", "dr.osei", "--end", "--note", "A slip.") == "The user is joined to nobody.\n"
    with pytest.raises(CommandError, match="joined to nobody"):
        said("join_user", "dr.osei", "--end", "--note", "A slip.")


def test_the_last_day_that_there_is_is_an_end_like_others(tmp_path: Path) -> None:
    first = FILE.splitlines()[0]
    lines = f"{first}\nlast,,A,Last,nurse,{SURGERY_ODS},,9999-12-31\nnext,,B,Next,nurse,{SURGERY_ODS},,\n"
    counts = load(tmp_path, lines)
    assert (counts["recorded"], counts["rejected"]) == (2, 0)
    assert load(tmp_path, lines)["roles_ended"] == 0
    assert AccessEnd.objects.get().ends_at.year == 9999


def test_a_misspelt_column_is_refused_and_nobody_is_given_a_role_without_its_end(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="until_date") as refused:
        load(tmp_path, FILE.replace("until_date", "untill_date"))
    assert "untill_date" not in str(refused.value)
    assert not User.objects.filter(username="dr.one").exists()


def test_no_spreadsheet_runs_a_user_name_of_the_file_of_passwords(tmp_path: Path) -> None:
    load(tmp_path, f"{FILE}=cmd(1),,Eve,Ten,nurse,{SURGERY_ODS},,\n")
    (written,) = tmp_path.glob("passwords-*.csv")
    assert {row["username"] for row in rows(written)} == {"dr.one", "two", "'=cmd(1)"}


def test_no_password_begins_as_a_formula_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(["-aaaaaaaaaaaaaaa", "baaaaaaaaaaaaaaa", "-caaaaaaaaaaaaaa", "daaaaaaaaaaaaaaa"])
    monkeypatch.setattr("secrets.token_urlsafe", lambda length: next(made))
    load(tmp_path, FILE)
    (written,) = tmp_path.glob("passwords-*.csv")
    assert [row["password"][0] for row in rows(written)] == ["b", "d"]
