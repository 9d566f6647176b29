"""What its source has not labelled is withheld for what it names, by the value sets of now."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Role
from aggregator.audit.events import Action
from aggregator.audit.models import AuditEvent
from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import Invalid, NotPermitted
from aggregator.federation.models import SourceOutcome
from aggregator.services.record_policy import record_policy
from aggregator.services.terminology.load_terminology import TerminologyFile, load_terminology
from aggregator.sources.models import Source
from aggregator.terminology import compiled
from aggregator.terminology.sensitivity import Sensitivity
from config.checks import check_terminology
from connectors.contract.outcomes import Reason
from tests.factories import requester
from tests.integration.services.test_showing import answered
from tests.world import World, make_world

pytestmark = pytest.mark.django_db

SNOMED_CT = "http://snomed.info/sct"


def condition(id: str, code: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": id,
        "subject": {"reference": "Patient/1"},
        "code": {"coding": [{"system": SNOMED_CT, "code": code, "display": f"Problem {id}"}]},
        **members,
    }


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def held() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(configured.HELD_REDIS_URL) as client:
        yield client


def shown(world: World, held: redis.Redis, *resources: dict[str, Any]) -> set[str]:
    """Return the ids of what is shown; whether something is withheld is said."""
    view = answered(world, held, *resources)
    ids = {json.loads(item.resource)["id"] for entry in view.record.entries.values() for item in entry.items}
    assert view.withheld == (len(ids) < len(resources))
    return ids


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("load_terminology", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_what_is_sensitive_by_its_code_is_withheld_with_what_is_for_it(world: World, held: redis.Redis) -> None:
    plain, sensitive = condition("plain", "38341003"), condition("sensitive", "86406008")
    reason = {"reasonCode": [{"coding": [{"system": "urn:oid:2.16.840.1.113883.6.96", "code": "86406008"}]}]}
    procedure = {
        "resourceType": "Procedure",
        "id": "for-it",
        "status": "completed",
        "subject": {"reference": "Patient/1"},
        "code": {"text": "Blood test"},
        **reason,
    }
    assert shown(world, held, plain, sensitive, procedure) == {"plain"}


def test_a_source_whose_name_discloses_is_named_and_asked_where_the_patient_permits(
    world: World, held: redis.Redis
) -> None:
    Source.objects.update(discloses=Sensitivity.SEXUAL_HEALTH)
    view = answered(world, held, condition("plain", "38341003"))
    assert (view.sources, dict(view.record.entries), view.withheld) == ((), {}, True)
    assert SourceOutcome.objects.get(retrieval_id=view.retrieval_id).reason == Reason.MAY_NOT
    permit = Provision(effect=Effect.PERMIT, labels=frozenset({Sensitivity.SEXUAL_HEALTH.label}))
    record_policy(
        requester=world.administrator,
        person_id=world.joan,
        terms=PolicyTerms(base=BasePolicy.PERMIT, exceptions=(permit,)),
        note="By letter.",
        now=timezone.now(),
    )
    view = answered(world, held, condition("plain", "38341003"))
    assert [status.name for status in view.sources] == ["The Surgery"]
    assert len(view.record.entries) == 1


def test_a_loaded_set_counts_from_the_next_showing_on(
    world: World, held: redis.Redis, tmp_path: Path, settings: Any
) -> None:
    settings.TERMINOLOGY_FILE = tmp_path / "terminology.json"
    (tmp_path / "own.csv").write_text(f"system,code\n{SNOMED_CT},38341003\n{SNOMED_CT},\n")
    value_set = {
        "resourceType": "ValueSet",
        "url": "https://example.org/vs",
        "compose": {"include": [{"system": SNOMED_CT, "concept": [{"code": "195967001"}]}]},
    }
    (tmp_path / "set.json").write_text(json.dumps(value_set))
    problems = condition("a", "38341003"), condition("b", "195967001")
    assert said() == ""
    assert shown(world, held, *problems) == {"a", "b"}
    files = [str(tmp_path / name) for name in ("own.csv", "set.json")]
    assert said(*files, "--sensitivity", "abuse").splitlines() == [
        "abuse                  1  own.csv",
        "abuse                  1  https://example.org/vs",
    ]
    assert AuditEvent.objects.filter(action=Action.LOAD_TERMINOLOGY).latest("seq").detail["rejected"] == 1
    assert shown(world, held, *problems) == set()
    listed = json.loads(said("--remove", "own.csv", "--json"))
    assert listed == [{"name": "https://example.org/vs", "sensitivity": "abuse", "codes": 1}]
    assert shown(world, held, *problems) == {"a"}


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        ("{", ("--sensitivity", "hiv")),
        ('{"resourceType":"ValueSet","url":"u"}', ("--sensitivity", "hiv")),
        ("{}", ()),
        (None, ("--remove", "not there")),
    ],
)
def test_what_cannot_be_loaded_changes_nothing(
    tmp_path: Path, settings: Any, content: str | None, arguments: tuple[str, ...]
) -> None:
    settings.TERMINOLOGY_FILE = tmp_path / "terminology.json"
    said()
    before = settings.TERMINOLOGY_FILE.read_bytes()
    (tmp_path / "set.json").write_text(content or "")
    with pytest.raises(CommandError):
        said(*([str(tmp_path / "set.json")] if content else []), *arguments)
    with pytest.raises(CommandError):
        said(str(tmp_path / "gone.json"), "--sensitivity", "hiv")
    assert settings.TERMINOLOGY_FILE.read_bytes() == before


def test_without_a_place_for_them_nothing_is_loaded() -> None:
    with pytest.raises(CommandError, match="TERMINOLOGY_FILE"):
        said()


def test_a_file_that_cannot_be_read_is_named_by_the_check(tmp_path: Path, settings: Any) -> None:
    assert check_terminology(app_configs=None) == []
    settings.TERMINOLOGY_FILE = tmp_path / "terminology.json"
    assert [message.id for message in check_terminology(app_configs=None)] == ["config.E007"]


def test_only_who_runs_the_service_may_load() -> None:
    for role in (Role.ADMINISTRATOR, Role.PROGRAMME_ADMINISTRATOR, Role.CLINICIAN):
        with pytest.raises(NotPermitted):
            load_terminology(requester=requester(role=role))


def test_who_loads_keeps_others_out_from_reading_what_is_there_to_writing_it_anew(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TERMINOLOGY_FILE = tmp_path / "terminology.json"
    kept_out: list[tuple[str, bool]] = []

    def watched(name: str) -> None:
        real = getattr(compiled, name)

        def watch(**values: Any) -> Any:
            other = os.open(tmp_path, os.O_RDONLY)
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                kept_out.append((name, False))
            except BlockingIOError:
                kept_out.append((name, True))
            finally:
                os.close(other)
            return real(**values)

        monkeypatch.setattr(compiled, name, watch)

    watched("read_sets")
    watched("put_in_place")
    for name in ("one.csv", "two.csv"):
        file = TerminologyFile(name=name, content=b"system,code\ns,1\n")
        loaded = load_terminology(requester=operator(), files=[file], sensitivity=Sensitivity.HIV)
    assert [each.url for each in loaded.value_sets] == ["one.csv", "two.csv"]
    assert kept_out == [("put_in_place", True), ("read_sets", True), ("put_in_place", True)]
    with compiled.alone(path=settings.TERMINOLOGY_FILE):
        pass  # and lets the next one in


def test_value_sets_of_which_no_event_can_be_written_count_for_nothing(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TERMINOLOGY_FILE = tmp_path / "terminology.json"
    file = TerminologyFile(name="one.csv", content=b"system,code\ns,1\n")
    load_terminology(requester=operator(), files=[file], sensitivity=Sensitivity.HIV)
    before = settings.TERMINOLOGY_FILE.read_bytes()
    monkeypatch.setattr("aggregator.acting.operations.append", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load_terminology(requester=operator(), files=[file], sensitivity=Sensitivity.SEXUAL_HEALTH)
    assert settings.TERMINOLOGY_FILE.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["terminology.json"]


@pytest.mark.django_db(transaction=True)
def test_value_sets_whose_last_event_is_not_committed_are_there_with_the_one_that_they_were_about_to_be(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goes_away() -> None:
        raise OperationalError("the connection was lost")

    def put_in_place(*, written: Path, path: Path) -> None:
        written.replace(path)
        monkeypatch.setattr(connection, "commit", goes_away)

    settings.TERMINOLOGY_FILE = tmp_path / "terminology.json"
    monkeypatch.setattr(compiled, "put_in_place", put_in_place)
    file = TerminologyFile(name="one.csv", content=b"system,code\ns,1\n")
    with pytest.raises(OperationalError):
        load_terminology(requester=operator(), files=[file], sensitivity=Sensitivity.HIV)
    monkeypatch.undo()
    assert [each.url for each in compiled.read_sets(path=tmp_path / "terminology.json")] == ["one.csv"]
    (event,) = AuditEvent.objects.filter(action="load-terminology")
    assert (event.outcome, event.detail) == ("success", {"codes": 1, "rejected": 0, "sets": 1, "step": "begun"})


def test_value_sets_that_cannot_be_put_in_their_place_leave_events_of_that_alone(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TERMINOLOGY_FILE = tmp_path / "terminology.json"
    monkeypatch.setattr(Path, "replace", full)
    file = TerminologyFile(name="one.csv", content=b"system,code\ns,1\n")
    with pytest.raises(Invalid, match="cannot be written: No space left"):
        load_terminology(requester=operator(), files=[file], sensitivity=Sensitivity.HIV)
    events = AuditEvent.objects.filter(action="load-terminology")
    said = [(event.outcome, event.detail.get("step"), event.detail.get("code")) for event in events.order_by("seq")]
    assert said == [("success", "begun", None), ("failed", None, "file")]
    assert list(tmp_path.iterdir()) == []


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
