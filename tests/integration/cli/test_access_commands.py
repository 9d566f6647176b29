"""The commands about who cares for whom and who has access."""

from __future__ import annotations

import csv
import json
import os
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from aggregator.accounts.models import AccessEnd
from aggregator.accounts.roles import Permission
from aggregator.consent.queries import decide
from aggregator.relationships.models import CareTeam, CareTeamPatient, CareTeamPlace, Relationship
from tests.world import SOURCE_SLUG, SURGERY_ODS, World, make_world

pytestmark = pytest.mark.django_db

WHY = ("--from", "2020-01-01", "--reason", "A letter.")


@pytest.fixture
def world() -> World:
    return make_world()


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def id_of(said: str) -> str:
    return said.split()[0]


def test_a_relationship_is_recorded_changed_listed_and_ended(world: World) -> None:
    person = str(world.nobodys)
    said, _ = run("relationships", "record", person, "--ods", SURGERY_ODS, "--kind", "referred", *WHY)
    changed, _ = run("relationships", "change", id_of(said), "--kind", "attended", *WHY)
    listed = json.loads(run("relationships", "list", person, "--json")[0])
    assert [(line["id"], line["kind"], line["state"]) for line in listed] == [
        (id_of(changed), "attended", "current"),
        (id_of(said), "referred", "over"),
    ]
    access = json.loads(run("who_has_access", person, "--json")[0])
    assert [(user["name"], user["relationships"]) for user in access["users"]] == [("Ama Osei", ["attended"])]
    assert run("who_has_access", person)[0].startswith("Ama Osei, clinician, The Surgery: attending there")
    run("relationships", "end", id_of(changed), "--reason", "Moved.")
    assert json.loads(run("who_has_access", person, "--json")[0])["count"] == 0


def test_a_care_team_is_added_filled_shown_and_emptied(world: World) -> None:
    team = id_of(run("care_teams", "add", "District nurses", "--ods", SURGERY_ODS)[0])
    place = id_of(run("care_teams", "add-member", team, "dr.osei", *WHY)[0])
    patient = id_of(run("care_teams", "add-patient", team, str(world.nobodys), *WHY)[0])
    shown = json.loads(run("care_teams", "show", team, "--json")[0])
    assert [(part["id"], part["is"], part["state"]) for part in shown] == [
        (place, "member", "current"),
        (patient, "patient", "current"),
    ]
    run("care_teams", "end-member", team, place, "--reason", "Left.")
    run("care_teams", "end-patient", team, patient, "--reason", "Discharged.", "--last-day", "2999-01-01")
    (line,) = json.loads(run("care_teams", "list", "--json")[0])
    assert (line["members"], line["patients"]) == ("0", "1")
    run("care_teams", "end", team, "--reason", "Disbanded.")
    with pytest.raises(CommandError, match="ended"):
        run("care_teams", "add-member", team, "dr.osei", *WHY)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("who_has_access", "nobody"), "Give the id"),
        (("who_has_access", str(uuid4())), "nothing here"),
        (("relationships", "end", str(uuid4()), "--reason", "x"), "nothing here"),
        (("care_teams", "show", "it"), "Give the id"),
        (("care_teams", "add", "Mine", "--ods", "X0"), "No organisation"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(world: World, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)


TEAMS = f"""organisation_ods,team,username,source,local_id,from_date,until_date
{SURGERY_ODS},District nurses,dr.osei,,,2020-01-01,
{SURGERY_ODS},District nurses,,{SOURCE_SLUG},3,2020-01-01,
{SURGERY_ODS},Diabetes clinic,,{SOURCE_SLUG},1,2020-01-01,2099-12-31
"""
BAD_TEAMS = f"""NONE,District nurses,dr.osei,,,2020-01-01,
{SURGERY_ODS},,dr.osei,,,2020-01-01,
{SURGERY_ODS},District nurses,ms.lane,,,2020-01-01,
{SURGERY_ODS},District nurses,dr.osei,{SOURCE_SLUG},3,2020-01-01,
{SURGERY_ODS},District nurses,,{SOURCE_SLUG},,2020-01-01,
{SURGERY_ODS},District nurses,,{SOURCE_SLUG},99,2020-01-01,
{SURGERY_ODS},District nurses,dr.osei,,,soon,
{SURGERY_ODS},District nurses,dr.osei,,,2020-01-02,2020-01-01
"""


def load_teams(folder: Path, text: str, *arguments: str) -> dict[str, int]:
    """Load care teams from a file of this text and return the counts."""
    (folder / "teams.csv").write_text(text)
    counts: dict[str, int] = json.loads(run("load_care_teams", str(folder / "teams.csv"), "--json", *arguments)[0])
    return counts


def rows_of_teams() -> tuple[int, int, int, int]:
    return (
        CareTeam.objects.count(),
        CareTeamPlace.objects.count(),
        CareTeamPatient.objects.count(),
        AccessEnd.objects.count(),
    )


def may_see(world: World, *, person_id: UUID) -> bool:
    """Return whether Dr Osei may see somebody's record now."""
    now = timezone.now()
    asked = decide(requester=world.clinician, permission=Permission.VIEW_RECORD, person_id=person_id, now=now)
    return asked.permitted


def test_a_care_team_may_last_until_the_last_day_that_there_is(world: World, tmp_path: Path) -> None:
    lines = TEAMS.replace(",2020-01-01,\n", ",2020-01-01,9999-12-31\n")
    assert load_teams(tmp_path, lines)["rejected"] == 0
    before = rows_of_teams()
    assert may_see(world, person_id=world.nobodys)
    assert load_teams(tmp_path, lines)["rejected"] == 0
    assert rows_of_teams() == before


def test_a_file_makes_care_teams_whose_members_see_their_patients_records(world: World, tmp_path: Path) -> None:
    assert not may_see(world, person_id=world.nobodys)
    assert load_teams(tmp_path, TEAMS) == {"recorded": 3, "teams_added": 2, "ended": 0, "rejected": 0}
    assert may_see(world, person_id=world.nobodys)


def test_to_load_care_teams_again_changes_nothing_and_an_earlier_last_day_counts_once(
    world: World, tmp_path: Path
) -> None:
    load_teams(tmp_path, TEAMS)
    before = rows_of_teams()
    unchanged = {"recorded": 3, "teams_added": 0, "ended": 0, "rejected": 0}
    assert load_teams(tmp_path, TEAMS) == unchanged
    assert rows_of_teams() == before
    ended = TEAMS.replace(f"{SOURCE_SLUG},3,2020-01-01,", f"{SOURCE_SLUG},3,2020-01-01,2020-02-01")
    assert load_teams(tmp_path, ended)["ended"] == 1
    assert not may_see(world, person_id=world.nobodys)
    before = rows_of_teams()
    later = TEAMS.replace("2099-12-31", "2100-12-31")
    assert load_teams(tmp_path, later)["ended"] == 0
    teams, places, patients, ends = before
    assert rows_of_teams() == (teams, places, patients + 2, ends)  # a longer time, and a patient who came back
    assert load_teams(tmp_path, TEAMS)["ended"] == 1
    assert load_teams(tmp_path, TEAMS) == unchanged


def test_junk_in_a_file_of_care_teams_costs_its_own_lines(world: World, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    counts = load_teams(tmp_path, TEAMS + BAD_TEAMS, "--rejects", str(rejects))
    assert counts == {"recorded": 3, "teams_added": 2, "ended": 0, "rejected": 8}
    with rejects.open(newline="") as lines:
        reasons = [(row["line"], row["reason"]) for row in csv.DictReader(lines)]
    neither = "it names neither a member by username, nor a patient by source and local_id, or both"
    assert reasons == [
        ("5", "no organisation has this ODS code here"),
        ("6", "team is empty"),
        ("7", "nobody of that user name sees records for the team's organisation"),
        ("8", neither),
        ("9", neither),
        ("10", "the index holds no such person for this source"),
        ("11", "from_date is not a date such as 2024-08-14"),
        ("12", "until_date is before from_date"),
    ]
    assert load_teams(tmp_path, rejects.read_text().replace(",99,", ",2,"))["recorded"] == 1


def test_a_file_of_relationships_is_loaded_and_its_junk_is_written_to_be_mended(world: World, tmp_path: Path) -> None:
    file, rejects = tmp_path / "relationships.csv", tmp_path / "rejects.csv"
    file.write_text(
        "local_id,kind,from_date,until_date\n"
        "3,attended,2020-01-01,\n"
        "3,visiting,2020-01-01,\n"
        "=9,attended,2020-01-01,2020-01-02\n"
        '3,"attended,2020\n'
    )
    out, err = run("load_relationships", SOURCE_SLUG, str(file), "--rejects", str(rejects), "--json")
    counts = {"recorded": 1, "of_them_ended_here": 0, "rejected": 3, "of_them_unknown_people": 1}
    assert json.loads(out) == counts
    assert [line.split(":")[0] for line in err.splitlines()] == [
        f"line {number} was not loaded" for number in (3, 4, 5)
    ]
    assert rejects.read_text().splitlines()[:3] == [
        "local_id,kind,from_date,until_date,line,reason",
        '3,visiting,2020-01-01,,3,"kind is none of registered, attended, referred"',
        "'=9,attended,2020-01-01,2020-01-02,4,the index holds no such person for this source",
    ]
    assert os.stat(rejects).st_mode & 0o777 == 0o600
    rejects.write_text(rejects.read_text().replace("visiting", "referred"))
    again = run("load_relationships", SOURCE_SLUG, str(rejects), "--json")[0]
    assert json.loads(again)["recorded"] == 1
    assert Relationship.objects.filter(source_record__identifier_value="3").count() == 2
    for refused in (str(file), str(tmp_path / "nowhere" / "rejects.csv")):
        with pytest.raises(CommandError, match=r"--rejects|no folder"):
            run("load_relationships", SOURCE_SLUG, str(file), "--rejects", refused)
