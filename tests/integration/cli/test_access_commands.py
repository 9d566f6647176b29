"""The commands about who cares for whom and who has access."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from aggregator.relationships.models import Relationship
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
