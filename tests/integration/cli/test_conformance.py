"""`manage.py conformance`: what it prints and how it ends, who may be named, and what the audit says of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.audit.models import AuditEvent
from aggregator.mpi.models import SourceRecord
from aggregator.services.load_identities import load_identities
from aggregator.sources import catalogue
from aggregator.sources.models import Source
from connectors.contract.conformance import Finding, PointVerdict
from connectors.contract.errors import NoCredentials
from tests import strange_connector
from tests.contract.conformance_peers import HOSPITAL, PRACTICE, WHO, apart, careful, mute, simulated
from tests.factories import person_of
from tests.source_acts import paused
from tests.unit.simulator.served import record, region_folder
from tests.world import NOWHERE, make_world

pytestmark = pytest.mark.django_db

SETTINGS = {slug: json.loads((region_folder() / slug / "source.json").read_text()) for slug in (HOSPITAL, PRACTICE)}
SYSTEM = SETTINGS[HOSPITAL]["identifier_system"]
GP_OPTIONS = [f"--option={name}={value}" for name, value in SETTINGS[PRACTICE]["options"].items()]


@pytest.fixture(scope="module")
def asked() -> list[str]:
    return []


@pytest.fixture(scope="module")
def hospital(asked: list[str]) -> Iterator[str]:
    with apart(simulated(HOSPITAL, careful, asked=asked)) as base:
        yield base


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("conformance", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        said(*arguments)
    return caught.value


def registered(base: str, *, kind: str = "fhir_r4") -> None:
    """Register the surgery's source at an address."""
    make_world(base_url=base, kind=kind)
    Source.objects.update(identifier_system=SYSTEM)


def events() -> list[dict[str, Any]]:
    """Return what was examined, the latest last."""
    found = AuditEvent.objects.filter(action__in=("examine-source", "examine-address")).order_by("seq")
    return [
        {"outcome": event.outcome, "source": event.source_id, "person": event.person_id, **_detail(event)}
        for event in found
    ]


def _detail(event: AuditEvent) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(bytes(event.body))["detail"]
    return detail


def test_each_point_is_told_with_its_verdict_its_evidence_and_its_clause(hospital: str) -> None:
    registered(hospital)
    table = said("the-surgery")
    lines = table.splitlines()
    at = next(number for number, line in enumerate(lines) if line.split()[2:3] == ["release"])
    assert lines[at].split()[:2] == ["met", "required"]
    assert lines[at].endswith("Its statement says that it speaks release 4.0")
    assert lines[at + 1].strip() == "it says 4.0.1"
    assert lines[at + 2].strip().startswith("FHIR R4, CapabilityStatement.fhirVersion: https://hl7.org/fhir/R4/")
    assert lines[-2].startswith("required: ")
    assert "0 missed" in lines[-2]
    (event,) = events()
    assert event["outcome"] == "success"
    assert event["source"] == Source.objects.get().id
    assert event["person"] is None
    assert (event["kind"], event["test_patients"], event["missed"]) == ("fhir_r4", 0, 0)
    assert event["met"] > 10


def test_as_json_the_same_has_keys_that_stay(hospital: str) -> None:
    make_world()
    report = json.loads(said(hospital, "--kind", "fhir_r4", "--json"))
    assert set(report) == {"system", "kind", "at", "with_patient", "complete", "kept", "counts", "points"}
    assert (report["system"], report["kind"], report["with_patient"]) == (hospital, "fhir_r4", False)
    assert (report["complete"], report["kept"]) == (True, True)
    assert set(report["counts"]) == {"required", "recommended"}
    assert set(report["counts"]["required"]) == {"met", "missed", "not-testable"}
    for point in report["points"]:
        assert set(point) == {"id", "level", "verdict", "evidence", "demand", "clause", "address"}
    (event,) = events()
    assert (event["outcome"], event["source"], event["host"]) == ("success", None, "127.0.0.1")


def test_a_required_point_that_is_missed_is_named_and_ends_with_1() -> None:
    make_world()
    with apart(simulated(HOSPITAL, mute)) as base:
        error = refused(base, "--kind", "fhir_r4")
    assert error.returncode == 1
    assert str(error) == "It misses 1 of the points that its standard requires: capability-statement."


def test_of_a_test_patient_the_record_is_read_and_never_shown(hospital: str, asked: list[str]) -> None:
    registered(hospital)
    who = WHO[HOSPITAL]
    (patient,) = (each for each in record(HOSPITAL, who) if each["resourceType"] == "Patient")
    asked.clear()
    for named in (who, f"{SYSTEM}|{who}", "999 000 0018"):
        report = json.loads(said("the-surgery", "--patient", named, "--json"))
        verdicts = {point["id"]: point["verdict"] for point in report["points"]}
        assert (verdicts["search-by-patient"], verdicts["entries"]) == ("met", "met")
        assert report["with_patient"]
        told = json.dumps(report)
        assert not any(text in told for text in (who, "9990000018", patient["id"], patient["name"][0]["family"]))
    assert any(patient["id"] in text for text in asked)


def test_an_event_says_that_a_record_will_be_read_before_it_is(hospital: str) -> None:
    registered(hospital)
    load_identities(
        requester=operator(),
        source_slug="the-surgery",
        lines=[
            "local_id,nhs_number,family,given,birth_date",
            f"{WHO[HOSPITAL]},9990000018,Ellwood,Katherine,1950-01-01",
        ],
        now=timezone.now(),
    )
    person = person_of(record=SourceRecord.objects.get(identifier_value=WHO[HOSPITAL])).id
    for named in (WHO[HOSPITAL], "9990000018"):
        said("the-surgery", "--patient", named)
    *_, begun, done = events()
    assert [event["person"] for event in events()] == [person] * 4
    assert (begun["step"], begun["test_patients"], begun["person"]) == ("begun", 1, person)
    assert (done["step"], done["test_patients"], done["person"]) == ("done", 1, person)
    assert "met" not in begun
    assert WHO[HOSPITAL] not in json.dumps([begun, done], default=str)


@pytest.mark.parametrize("number", ["0000000000", "9990000019", "123 456 7890"])
def test_an_nhs_number_that_may_be_somebodys_is_not_sent_anywhere(hospital: str, asked: list[str], number: str) -> None:
    make_world()
    asked.clear()
    for option in ("--patient", "--withheld-patient"):
        error = refused(hospital, "--kind", "fhir_r4", option, f"https://fhir.nhs.uk/Id/nhs-number|{number}")
        assert error.returncode == 2
        assert "Name a test patient" in str(error)
        assert number not in str(error)
    assert asked == []
    assert [event["outcome"] for event in events()] == ["failed", "failed"]


def test_somebody_in_the_index_who_may_be_real_is_not_asked_for(hospital: str, asked: list[str]) -> None:
    registered(hospital)
    load_identities(
        requester=operator(),
        source_slug="the-surgery",
        lines=["local_id,family,given,birth_date", "MRN-7,Somebody,Real,1950-01-01"],
        now=timezone.now(),
    )
    asked.clear()
    error = refused("the-surgery", "--patient", "MRN-7")
    assert error.returncode == 2
    assert "Name a test patient" in str(error)
    assert asked == []
    (event,) = events()
    assert (event["outcome"], event["code"]) == ("refused", "not-a-test-patient")


def test_a_practice_is_told_in_whose_name_it_is_asked() -> None:
    make_world()
    with apart(simulated(PRACTICE)) as base:
        arguments = [base, "--kind", "gp_connect", "--json", *GP_OPTIONS]
        unnamed = json.loads(said(*arguments))
        named = json.loads(said(*arguments, "--as", "dr.osei", "--patient", "9990000018"))
    verdicts = [
        {point["id"]: point["verdict"] for point in report["points"]}["invalid-nhs-number"]
        for report in (unnamed, named)
    ]
    assert verdicts == ["not-testable", "met"]
    assert named["counts"]["required"]["missed"] == 0
    assert "asked_as" not in events()[0]
    assert "asked_as" in events()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((NOWHERE,), "with --kind"),
        ((NOWHERE, "--kind", "telegraph"), "the kinds are"),
        ((NOWHERE, "--kind", "fhir_r4", "--option", "colour=blue"), "no option colour"),
        ((NOWHERE, "--kind", "fhir_r4", "--option", "colour"), "NAME=VALUE"),
        ((NOWHERE, "--kind", "fhir_r4", "--option", "token_secret=none"), "no secret"),
        (("http://10.0.0.1/fhir", "--kind", "fhir_r4"), "No source may have this address"),
        (("https://a:b@hospital.example/fhir", "--kind", "fhir_r4"), "no user name"),
        ((NOWHERE, "--kind", "fhir_r4", "--within", "0"), "It must end within"),
        ((NOWHERE, "--kind", "fhir_r4", "--as", "nobody"), "no open account"),
        (("nobody",), "no source"),
        (("the-surgery", "--kind", "gp_connect"), "of the kind fhir_r4"),
        (("the-surgery", "--option", "auth=none"), "as it is registered"),
        (("the-surgery", "--identifier-system", "x"), "as it is registered"),
    ],
)
def test_what_makes_no_sense_is_said_in_words_and_ends_with_2(arguments: tuple[str, ...], words: str) -> None:
    make_world()
    error = refused(*arguments)
    assert error.returncode == 2
    assert words in str(error)


def test_a_source_that_is_paused_is_not_asked(hospital: str, asked: list[str]) -> None:
    registered(hospital)
    paused()
    asked.clear()
    assert "paused" in str(refused("the-surgery"))
    assert asked == []


def test_a_report_that_there_was_no_time_to_end_is_not_taken_for_a_good_one(hospital: str) -> None:
    make_world()
    error = refused(hospital, "--kind", "fhir_r4", "--within", "0.001")
    assert error.returncode == 1
    assert str(error) == "Not every point was looked at: allow more time with --within."


def test_on_a_terminal_each_point_is_told_as_it_is_looked_at(hospital: str) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    make_world()
    terminal = Terminal()
    call_command("conformance", hospital, "--kind", "fhir_r4", stdout=StringIO(), stderr=terminal)
    assert "1 points: capability-statement met" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\033[K")


# Kinds of other distributions


@pytest.fixture
def strange(settings: Any) -> Iterator[Callable[..., None]]:
    """Declare a connector of another distribution, which examines a source as the test says."""

    def declare(name: str, looks: Callable[..., None] | None = None) -> None:
        settings.CONNECTORS = {"strange": f"tests.strange_connector.{name}"}
        catalogue.connector_for.cache_clear()
        if looks is not None:
            strange_connector.StrangelyExamined.Conformance.looks = staticmethod(looks)

    yield declare
    catalogue.connector_for.cache_clear()


STRANGE = ("https://strange.example", "--kind", "strange")


def test_a_kind_without_points_is_said_to_have_none(strange: Callable[..., None]) -> None:
    strange("Strange")
    error = refused(*STRANGE)
    assert error.returncode == 2
    assert "declares no points" in str(error)


def test_a_kind_of_another_distribution_declares_points_by_the_same_door(strange: Callable[..., None]) -> None:
    def looks(tell: Callable[[str, Finding], None]) -> None:
        tell("required", Finding(verdict=PointVerdict.MET, evidence="It was\x1b[31m seen.\n" + "x" * 1000))
        tell("recommended", Finding(verdict=PointVerdict.MISSED, evidence="It was not."))
        tell("unknown", Finding(verdict=PointVerdict.MISSED, evidence="Of no point."))

    strange("StrangelyExamined", looks)
    report = json.loads(said(*STRANGE, "--json"))
    assert [(point["id"], point["verdict"]) for point in report["points"]] == [
        ("required", "met"),
        ("recommended", "missed"),
    ]
    assert report["points"][0]["evidence"].startswith("It was[31m seen. xxx")
    assert len(report["points"][0]["evidence"]) == 500


def test_points_of_which_a_connector_says_nothing_are_not_taken_for_kept(strange: Callable[..., None]) -> None:
    strange("StrangelyExamined", lambda tell: None)
    assert refused(*STRANGE).returncode == 1


@pytest.mark.parametrize("error", [KeyError("9990000018"), NoCredentials(), SystemExit(0)])
def test_a_connector_that_breaks_gives_no_report(strange: Callable[..., None], error: BaseException) -> None:
    def looks(_: object) -> None:
        raise error

    strange("StrangelyExamined", looks)
    refusal = refused(*STRANGE)
    assert refusal.returncode == 2
    assert "9990000018" not in str(refusal)


def test_what_is_no_point_gives_no_report(strange: Callable[..., None]) -> None:
    strange("StrangelyPointed")
    assert "cannot be used" in str(refused(*STRANGE))
