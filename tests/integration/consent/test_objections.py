"""The programme's own list of people who object: loaded, loaded again, and taken back."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from aggregator.accounts.models import AccessEnd
from aggregator.accounts.roles import Permission
from aggregator.audit.models import AuditEvent
from aggregator.cli.management.commands import load_objections as command
from aggregator.consent import queries
from aggregator.consent.models import Policy
from aggregator.services.record_opt_out import record_opt_out
from tests.factories import identity, load, nhs_number, source
from tests.world import JOAN_NUMBER, NOBODYS_NUMBER, PETER_NUMBER, World, make_world

pytestmark = pytest.mark.django_db(transaction=True)

LIST = f"""nhs_number,birth_date,objected_on,note
{JOAN_NUMBER},1951-05-04,2025-03-01,"By letter, to the programme"
{PETER_NUMBER},,,
{NOBODYS_NUMBER},1970-01-02,,
"""


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "objections.csv"


def run(file: Path, *options: str) -> dict[str, int]:
    out = io.StringIO()
    call_command("load_objections", str(file), *options, "--json", stdout=out, stderr=io.StringIO())
    counts: dict[str, int] = json.loads(out.getvalue())
    return counts


def may_see_joan(world: World) -> bool:
    return queries.decide(
        requester=world.clinician, permission=Permission.VIEW_RECORD, person_id=world.joan, now=timezone.now()
    ).permitted


def test_a_list_is_loaded_again_without_effect_and_taken_back_whole(world: World, file: Path) -> None:
    file.write_text(LIST)
    before = AuditEvent.objects.latest("seq").seq
    assert run(file) == {"recorded": 2, "already": 1, "rejected": 0}
    assert not may_see_joan(world)
    policy = Policy.objects.get(person_id=world.joan)
    assert "objected on 2025-03-01; By letter, to the programme" in policy.note
    events = AuditEvent.objects.filter(seq__gt=before, action="load-objections")
    assert {event.person_id for event in events} == {world.joan, world.nobodys}
    assert run(file) == {"recorded": 0, "already": 3, "rejected": 0}
    assert Policy.objects.count() == 3
    assert run(file, "--undo") == {"taken_back": 2}
    assert may_see_joan(world)
    assert run(file, "--undo") == {"taken_back": 0}
    # What was recorded otherwise stays: Peter's own objection.
    assert not AccessEnd.objects.filter(of_id=Policy.objects.get(person_id=world.peter).id).exists()
    assert run(file) == {"recorded": 2, "already": 1, "rejected": 0}
    assert not may_see_joan(world)


def test_one_that_was_stopped_half_way_is_whole_when_it_is_run_again(
    world: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(LIST)
    monkeypatch.setattr(command, "BATCH", 1)
    loaded, real = [], command.load_objections

    def dies(**values: object) -> object:
        loaded.append(1)
        if len(loaded) == 3:
            raise KeyboardInterrupt
        return real(**values)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "load_objections", dies)
    with pytest.raises(KeyboardInterrupt):
        run(file)
    assert not may_see_joan(world)
    assert not Policy.objects.filter(person_id=world.nobodys).exists()
    monkeypatch.setattr(command, "load_objections", real)
    assert run(file) == {"recorded": 1, "already": 2, "rejected": 0}
    assert run(file, "--undo") == {"taken_back": 2}


def test_junk_is_rejected_line_by_line_and_the_rest_is_loaded(world: World, file: Path, tmp_path: Path) -> None:
    two = source()
    load(at=two, identities=[identity(nhs_number=PETER_NUMBER, family="Other", given="One", birth_date=None)])
    file.write_text(
        LIST
        + f"{JOAN_NUMBER[:-1]},,,\n"
        + "=HYPERLINK(1),,,\n"
        + f"{JOAN_NUMBER},1999-01-01,,\n"
        + f"{nhs_number(index=77)},,,\n"
        + f"{JOAN_NUMBER},yesterday,,\n"
        + f"{JOAN_NUMBER},,,a,b\n"
        + f"{JOAN_NUMBER},,,{'x' * 501}\n"
        + f'{JOAN_NUMBER},,,"a\nb"\n'
        + f"{JOAN_NUMBER},,,\x00\n"
    )
    rejects = tmp_path / "rejects.csv"
    counts = run(file, "--rejects", str(rejects))
    assert (counts["recorded"], not may_see_joan(world)) == (2, True)
    told = list(csv.DictReader(io.StringIO(rejects.read_text())))
    reasons = [(int(line["line"]), line["reason"]) for line in told]
    assert reasons[0] == (3, "more than one person is held under this NHS number: a birth_date says who is meant")
    assert [reason for _, reason in reasons[1:]] == [
        "nhs_number is not a valid NHS number",
        "nhs_number is not a valid NHS number",
        "birth_date is not that of the person with this NHS number",
        "nobody is held under this NHS number",
        "birth_date is not a date such as 1980-08-14",
        "it has more fields than the heading",
        "note is longer than 500 characters",
        "a line break or another control character inside a field",
        "a line break or another control character inside a field",
    ]
    assert counts["rejected"] == len(reasons)
    assert told[2]["nhs_number"] == "'=HYPERLINK(1)"
    assert (told[0]["nhs_number"], told[3]["birth_date"]) == (PETER_NUMBER, "1999-01-01")
    assert rejects.stat().st_mode & 0o077 == 0  # it names people who object
    assert run(rejects)["rejected"] == len(reasons)  # it can be mended and loaded


def test_of_several_people_under_one_number_those_born_on_the_day_object(world: World, file: Path) -> None:
    born, other_day = date(1951, 5, 4), date(1980, 1, 2)
    load(at=source(), identities=[identity(nhs_number=JOAN_NUMBER, family="Other", given="One", birth_date=born)])
    load(at=source(), identities=[identity(nhs_number=JOAN_NUMBER, family="Third", given="Ann", birth_date=other_day)])
    file.write_text(
        f"nhs_number,birth_date\n{JOAN_NUMBER},1951-05-04\n{JOAN_NUMBER},1951-05-04\n{JOAN_NUMBER},1970-01-01\n"
    )
    assert run(file) == {"recorded": 1, "already": 1, "rejected": 1}
    load(at=source(), identities=[identity(nhs_number=JOAN_NUMBER, family="Undated", given="Sue", birth_date=None)])
    assert run(file) == {"recorded": 1, "already": 2, "rejected": 0}
    objecting = set(Policy.objects.values_list("person__family", flat=True))
    assert "Other" in objecting
    assert "Third" not in objecting
    assert "Undated" in objecting
    assert not may_see_joan(world)
    assert run(file, "--undo") == {"taken_back": 3}


def test_what_a_stray_quotation_mark_swallows_is_not_lost_unnoticed(world: World, file: Path) -> None:
    file.write_text(f'nhs_number,note\n{PETER_NUMBER},"by letter\n{JOAN_NUMBER},\n')
    assert run(file) == {"recorded": 0, "already": 0, "rejected": 1}
    file.write_text(f"nhs_number,note\n{JOAN_NUMBER},by\u2028letter\n")
    assert run(file) == {"recorded": 1, "already": 0, "rejected": 0}


def test_rejected_lines_never_overwrite_the_list(world: World, file: Path) -> None:
    file.write_text(LIST)
    with pytest.raises(CommandError, match="would overwrite"):
        run(file, "--rejects", str(file))
    assert file.read_text() == LIST
    assert may_see_joan(world)


@pytest.mark.parametrize("heading", ["", "number", "nhs_number,nhs_number", "nhs_number,opted_out"])
def test_a_heading_that_cannot_be_used_loads_nothing(world: World, file: Path, heading: str) -> None:
    file.write_text(f"{heading}\n{JOAN_NUMBER}\n")
    with pytest.raises(CommandError, match="the first line"):
        run(file)
    assert may_see_joan(world)


def test_taking_a_list_back_leaves_what_was_decided_since(world: World, file: Path) -> None:
    file.write_text(LIST)
    run(file)
    now = timezone.now()
    record_opt_out(requester=world.administrator, person_id=world.joan, opted_out=False, note="In person.", now=now)
    assert may_see_joan(world)
    assert run(file, "--undo") == {"taken_back": 1}
    assert may_see_joan(world)
