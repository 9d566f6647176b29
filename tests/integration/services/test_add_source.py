"""A source that cannot be registered is refused by the name of the field, and nothing of it is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.accounts.requester import operator
from aggregator.errors import Invalid
from aggregator.services.add_source import NewSource, SourceAdded, add_source
from aggregator.sources.models import Source
from aggregator.sources.queries import address_of
from aggregator.sources.secret_files import secret_files
from launcher.region import Region
from tests.hospital import Hospital, Said, outcome, running, spine_error, statement
from tests.world import NOWHERE

pytestmark = pytest.mark.django_db

GOOD = NewSource(
    slug="royal",
    name="Royal Hospital",
    kind="fhir_r4",
    base_url="https://royal.example/R4",
    organisation_ods="RXX",
    organisation_name="Royal Hospital",
)


def test_a_good_one_is_registered_and_what_it_is_is_said() -> None:
    answers = {"metadata": Said(body=statement("Condition", "Observation", everything=True))}
    with running(Hospital(answers=answers)) as hospital:
        found = replace(GOOD, base_url=hospital.address)
        assert add_source(requester=operator(), source=found) == SourceAdded(
            created=True, description="FHIR 4.0.1, 2 types, $everything"
        )
        assert not add_source(requester=operator(), source=found).created
    assert Source.objects.get().base_url == hospital.address


LOG_IN = b"<!DOCTYPE html><title>Sign in</title>"
UNSEARCHABLE = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}


@pytest.mark.parametrize(
    ("kind", "answers", "said"),
    [
        ("fhir_r4", {"": Said(body=LOG_IN)}, "no FHIR server"),
        ("fhir_r4", {"": Said(body=LOG_IN, status=404)}, "no FHIR server"),
        ("fhir_r4", {"": Said(body=LOG_IN, status=405)}, "no FHIR server"),
        ("fhir_r4", {"": Said(body=UNSEARCHABLE)}, "no way to ask"),
        ("fhir_r4", {"": Said(body={**UNSEARCHABLE, "fhirVersion": "3.0.1"})}, "speaks FHIR STU3"),
        ("fhir_r4", {"": Said(body=outcome(), status=401)}, "credentials"),
        ("fhir_r4", {"": Said(body=outcome(), status=504)}, "reported a fault"),
        ("fhir_r4", {"": Said(body=outcome(), after_s=2)}, "in time"),
        ("gp_connect", {"": Said(body=LOG_IN, status=404)}, "no FHIR server"),
        ("gp_connect", {"": Said(body=LOG_IN)}, "could not be used"),
        ("gp_connect", {"": Said(body=outcome(), status=404)}, "could not be used"),
        ("gp_connect", {"": Said(body=spine_error("ASID_CHECK_FAILED"), status=403)}, "credentials"),
    ],
)
def test_one_that_does_not_answer_as_its_kind_does_is_not_saved(kind: str, answers: dict[str, Any], said: str) -> None:
    with running(Hospital(answers=answers)) as hospital:
        wrong = replace(GOOD, base_url=hospital.address, kind=kind, time_limit_s=1.0)
        with pytest.raises(Invalid, match=said) as refused:
            add_source(requester=operator(), source=wrong)
    assert refused.value.field == "base_url"
    assert hospital.asked
    assert not Source.objects.exists()


def test_one_where_nothing_listens_is_saved_only_without_a_check() -> None:
    nowhere = replace(GOOD, base_url=NOWHERE)
    with pytest.raises(Invalid, match="no connection"):
        add_source(requester=operator(), source=nowhere)
    assert not Source.objects.exists()
    assert add_source(requester=operator(), source=nowhere, check=False) == SourceAdded(created=True, description="")


def test_a_check_that_fails_leaves_the_one_that_was_there_as_it_was() -> None:
    add_source(requester=operator(), source=GOOD, check=False)
    with pytest.raises(Invalid):
        add_source(requester=operator(), source=replace(GOOD, base_url=NOWHERE))
    assert Source.objects.get().base_url == GOOD.base_url


def test_a_server_without_a_statement_is_known_by_how_it_answers_about_nobody() -> None:
    with running(Hospital()) as hospital:
        added = add_source(requester=operator(), source=replace(GOOD, base_url=hospital.address))
    assert "without a statement" in added.description
    assert [path.partition("/")[0] for path in hospital.asked] == ["metadata", "Patient"]


def test_a_practice_is_known_by_its_statement_or_by_its_refusal_of_nobody() -> None:
    declares = {"fhirVersion": "3.0.1", "rest": [{"operation": [{"name": "gpc.getstructuredrecord"}]}]}
    refuses = {"Patient/$gpc": Said(body=spine_error("INVALID_PARAMETER"), status=422)}
    for answers in ({"metadata": Said(body={"resourceType": "CapabilityStatement", **declares})}, refuses):
        with running(Hospital(answers=dict(answers))) as practice:
            source = replace(GOOD, kind="gp_connect", base_url=practice.address)
            assert "GP Connect" in add_source(requester=operator(), source=source).description


@pytest.mark.parametrize("simulated", ["millbeck-surgery", "thornmere-royal"])
def test_a_source_of_the_demonstration_is_known(simulators: dict[str, str], region: Region, simulated: str) -> None:
    (described,) = [source for source in region.sources if source["slug"] == simulated]
    source = replace(GOOD, kind=described["kind"], base_url=simulators[simulated], options=described["options"])
    added = add_source(requester=operator(), source=source)
    assert added.description.startswith("FHIR 4.0.1" if described["kind"] == "fhir_r4" else "GP Connect")


@pytest.mark.parametrize(
    ("kind", "option"), [("fhir_r4", "to_asid"), ("fhir_r4", "Search"), ("gp_connect", "search"), ("gp_connect", "")]
)
def test_an_option_that_its_kind_does_not_have_is_refused_by_name(kind: str, option: str) -> None:
    with pytest.raises(Invalid, match=f"no option {option}") as refused:
        add_source(requester=operator(), source=replace(GOOD, kind=kind, options={option: "1"}), check=False)
    assert refused.value.field == "options"
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Royal"),
        ("slug", "r" * 61),
        ("base_url", "https://[::1/R4"),
        ("base_url", "ftp://royal.example"),
        ("base_url", "https://royal.example/" + "r" * 500),
        ("name", ""),
        ("name", " "),
        ("name", "Royal\nInfirmary"),
        ("name", "Royal \u202eyramrifnI"),
        ("name", "Royal\udcff"),
        ("name", "Royal\0"),
        ("organisation_name", "Royal\u2028Trust"),
        ("organisation_ods", "R\u200bXX"),
        ("identifier_system", "https://royal.example/id\x1b[2J"),
        ("options", {"scope": "system/*.rs\r\nX-Other: 1"}),
        ("name", "R" * 201),
        ("organisation_name", "R" * 201),
        ("organisation_ods", ""),
        ("organisation_ods", "R" * 21),
        ("identifier_system", "r" * 301),
        ("time_limit_s", float("nan")),
        ("time_limit_s", 0.0),
        ("rank", -1),
        ("rank", 32768),
    ],
)
def test_one_that_cannot_be_kept_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        add_source(requester=operator(), source=replace(GOOD, **{field: value}))
    assert refused.value.field == field
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    "address",
    ["http://royal.example/R4", "https://10.1.2.3/R4", "https://[::1]/R4", "https://[::ffff:169.254.169.254]/latest"],
)
@pytest.mark.parametrize("check", [True, False])
def test_an_address_where_no_source_may_be_is_refused(settings: Any, address: str, check: bool) -> None:
    settings.SOURCE_NETWORKS, settings.PLAIN_HTTP_SOURCES = (), False
    with pytest.raises(Invalid, match="No source may have this address") as refused:
        add_source(requester=operator(), source=replace(GOOD, base_url=address), check=check)
    assert refused.value.field == "base_url"
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "https://royal.example:99999/R4",
        "https://royal.example:none/R4",
        "https://longview:pass-word@royal.example/R4",
        "https://longview@royal.example/R4",
        "https://royal.example/R4?apikey=pass-word",
        "https://royal.example/R4#part",
    ],
)
def test_an_address_with_a_port_that_is_none_or_with_a_secret_in_it_is_refused_and_not_echoed(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        add_source(requester=operator(), source=replace(GOOD, base_url=address), check=False)
    assert refused.value.field == "base_url"
    assert "pass-word" not in str(refused.value)
    assert not Source.objects.exists()


def test_a_name_that_leads_inside_is_found_out_when_it_is_tried(settings: Any) -> None:
    settings.SOURCE_NETWORKS = ()
    with running(Hospital(answers={"metadata": Said(body=statement("Condition", everything=True))})) as hospital:
        inside = hospital.address.replace("127.0.0.1", "localhost")
        with pytest.raises(Invalid, match="not in a network that may be asked"):
            add_source(requester=operator(), source=replace(GOOD, base_url=inside))


def test_a_source_with_a_token_is_registered_by_the_name_of_its_secret_and_keeps_it_nowhere_else(
    settings: Any, tmp_path: Path
) -> None:
    settings.SOURCE_SECRETS_FOLDER = str(tmp_path)
    options = {"auth": "token", "token_secret": "royal-token"}
    hospital = Hospital(answers={"metadata": Said(body=statement("Condition", everything=True))})
    with running(hospital) as running_hospital:
        source = replace(GOOD, base_url=running_hospital.address, options=options)
        with pytest.raises(Invalid, match="no secret 'royal-token'") as refused:
            add_source(requester=operator(), source=source)
        assert (refused.value.field, refused.value.code) == ("options", "no-secret")
        (tmp_path / "royal-token").write_text("s3cret")
        add_source(requester=operator(), source=source)
    saved = Source.objects.get()
    assert "s3cret" not in json.dumps(saved.options)
    address = address_of(source=saved)
    assert address.secrets["token_secret"].read_text() == "s3cret"
    assert "s3cret" not in repr(address)


@pytest.mark.parametrize("name", ["../token", "/etc/passwd", "a/b", "", ".hidden", "no-such-file"])
def test_a_secret_is_a_file_of_the_folder_and_nothing_else(settings: Any, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (tmp_path / "token").write_text("x")
    (folder / ".hidden").write_text("x")
    settings.SOURCE_SECRETS_FOLDER = str(folder)
    options = {"auth": "token", "token_secret": name}
    assert secret_files(options=options) == {}
    with pytest.raises(Invalid, match="There is no secret"):
        add_source(requester=operator(), source=replace(GOOD, options=options), check=False)
    settings.SOURCE_SECRETS_FOLDER = ""
    assert secret_files(options={"token_secret": "token"}) == {}


@pytest.mark.parametrize(
    "address",
    ["https://longview:pass-word@royal.example/R4", "https://longview@royal.example/R4", "https://@r.example"],
)
def test_an_address_that_holds_a_password_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(Invalid, match="must hold no user name and no password") as refused:
        add_source(requester=operator(), source=replace(GOOD, base_url=address), check=False)
    assert (refused.value.field, "pass-word" in str(refused.value)) == ("base_url", False)
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    "option",
    [
        {"auth": "smart", "token_url": "https://longview:pass-word@royal.example/token"},
        {"public_base": "https://pass-word@royal.example/R4"},
        {"token_url": "HTTPS://longview:pass-word@[::1]:8443/token"},
        {"token_url": "//longview:pass-word@royal.example/token"},
        {"token_url": "https://longview:pass-word@royal.example\\@[/token"},
    ],
)
def test_nor_does_an_option_hold_one(option: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="must hold no user name and no password") as refused:
        add_source(requester=operator(), source=replace(GOOD, options=option), check=False)
    assert (refused.value.field, "pass-word" in str(refused.value)) == ("options", False)
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    "option", [{"scope": "system/*.rs user@example"}, {"client_id": "a//b c@d"}, {"token_url": "https://r.example/a@b"}]
)
def test_an_option_that_is_no_such_address_is_taken(option: dict[str, str]) -> None:
    add_source(requester=operator(), source=replace(GOOD, options=option), check=False)
    assert Source.objects.get().options == option


@pytest.mark.parametrize("address", ["https://royal.example.:8443/R4/", "https://[2a00:1450:4009::1]:8443/R4"])
def test_other_addresses_are_taken(address: str) -> None:
    add_source(requester=operator(), source=replace(GOOD, base_url=address), check=False)
    assert Source.objects.get().base_url == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "https://royal.example:99999/R4",
        "https://royal.example:0/R4",
        "https://royal.example:port/R4",
        "https://royal.example/R4?tenant=1",
        "https://royal.example/R4#top",
        "https://royal.example/R4\t",
        "https://royal\n.example/R4",
        " https://royal.example/R4",
        "https://royal.example\\R4",
        "https://r\u043eyal.example/R4",
    ],
)
def test_an_address_on_which_nothing_can_be_built_is_refused_at_once(address: str) -> None:
    with pytest.raises(Invalid, match="The address cannot be") as refused:
        add_source(requester=operator(), source=replace(GOOD, base_url=address), check=False)
    assert refused.value.field == "base_url"
    assert not Source.objects.exists()
