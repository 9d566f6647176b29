"""The Redis users of `deploy/redis/users.acl`: the service needs no more than they may, and they may nothing else."""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from aggregator.alerts.models import Alert, AlertDelivery
from aggregator.federation.models import Retrieval, RetrievalState
from aggregator.sources.models import Source
from config.celery import UPKEEP_QUEUE
from launcher import children, processes
from launcher.installation import find_installation
from tests.alert_acts import registered
from tests.crowds import crowded
from tests.door import Visitor
from tests.hospital import Said, bundle, running
from tests.many_people import hospital, load_people, number_of, patient_of
from tests.receivers import receiver
from tests.unit.record.test_files import binary, letter
from tests.world import PASSWORD, SURGERY_ODS, make_world

USERS = Path(__file__).resolve().parents[3] / "deploy" / "redis" / "users.acl"
PROCESSES = ("web", "worker", "upkeep")
PATIENCE_S = 20.0
DOCUMENT = re.compile(r'href="(/records/[^"]+/documents/1)"')


@dataclass(frozen=True)
class Server:
    """A server with the users of the file, and one more who may do everything, for the tests."""

    port: int
    passwords: Mapping[str, str]

    def url(self, user: str) -> str:
        return f"redis://{user}:{self.passwords[user]}@127.0.0.1:{self.port}/0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("redis")
    passwords = {user: secrets.token_urlsafe(16) for user in (*PROCESSES, "tests")}
    users = USERS.read_text()
    for user in PROCESSES:
        users = users.replace(f"{user.upper()}_PASSWORD", f">{passwords[user]}")
    (folder / "users.acl").write_text(f"{users}user tests on >{passwords['tests']} ~* &* +@all\n")
    with processes.reserved_port() as reserved:
        port: int = reserved.getsockname()[1]
        child = processes.start(
            name="Redis",
            command=[find_installation(folder=folder).redis_server, "-"],
            log=folder / "redis.log",
            say=f'bind 127.0.0.1\nport {port}\nsave ""\ndaemonize no\naclfile {folder / "users.acl"}\n',
        )
        found = Server(port, passwords)
        try:
            with redis.Redis.from_url(found.url("tests"), retry=None) as client:
                processes.wait_until(ready=lambda: _answers(client), child=child, within_s=PATIENCE_S)
            yield found
        finally:
            processes.stop(children=[child])


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def everything(server: Server) -> Iterator[redis.Redis]:
    """The server as one who may do everything; nothing is on it, and nothing has been refused."""
    with redis.Redis.from_url(server.url("tests")) as client:
        client.flushall()
        client.acl_log_reset()
        yield client


def letter_at(path: str) -> Said:
    """Return what the hospital says: a letter that is kept elsewhere, and what is there."""
    if path.startswith("Binary/"):
        return Said(body=binary())
    local_id = path.removeprefix("Patient/").partition("/")[0].partition("?")[0]
    patient = patient_of(local_id)
    about = {"reference": f"Patient/{local_id}"}
    at_source = {"contentType": "application/pdf", "url": "Binary/b"}
    return Said(body=bundle(patient, letter(at_source, subject=about)) if "everything" in path else patient)


def wait_for(condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_a_record_and_a_document_are_retrieved_and_nothing_that_it_takes_is_refused(
    server: Server, everything: redis.Redis, process_environment: dict[str, str], tmp_path: Path
) -> None:
    served = hospital()
    served.answers |= {"Patient/": letter_at, "Binary/": letter_at}
    with ExitStack() as stack:
        people = load_people(count=1, addresses={"surgery": stack.enter_context(running(served)).address})
        environments = {
            user: {**process_environment, "REDIS_URL": server.url(user), "HELD_REDIS_URL": server.url(user)}
            for user in PROCESSES
        }
        child = children.start_worker(environment=environments["worker"], logs=tmp_path, name="restricted")
        stack.callback(processes.stop, children=[child])
        web = children.start_web(environment=environments["web"], logs=tmp_path)
        stack.callback(processes.stop, children=[web.child])
        processes.wait_until(
            ready=lambda: children.worker_is_ready(client=everything, child=child), child=child, within_s=60
        )
        processes.wait_until(ready=lambda: web.answers("/livez"), child=web.child, within_s=60)
        assert Visitor(web.address).get("/readyz").status == 200

        visitor = Visitor(web.address)
        for name in ("dr.osei", *["dr.far"] * settings.SIGN_IN_FAILURES):  # one slip, and one account that is locked
            wrong = visitor.post("/sign-in", form_on="/sign-in", username=name, password="not it")
            assert "Sign out" not in wrong.body
        visitor.sign_in("dr.osei", PASSWORD)
        (person,) = visitor.find(nhs_number=number_of(100))
        assert person == str(people.person_ids[0])
        record = visitor.open(person).address.removeprefix(web.address)
        wait_for(lambda: Retrieval.objects.get().state == RetrievalState.FINISHED)
        (document,) = set(DOCUMENT.findall(visitor.get(record).body))
        visitor.post(f"{document}/fetch", form_on=document)
        wait_for(lambda: "<iframe" in visitor.get(document).body)
        assert visitor.everything(person).status == 200
        Source.objects.update(freshness_s=300)
        assert "held answer" in visitor.everything(person).body
        Source.objects.update(freshness_s=0)
        crowded(everything, count=1000)
        assert visitor.everything(person).status == 503
        processes.stop(children=[child])
    assert_nothing_was_refused(everything)


def assert_nothing_was_refused(everything: redis.Redis) -> None:
    # What the client library says of itself is refused, which it ignores: Redis 7.0 knows no such command and refuses
    # a file that names it.
    refused = {(entry["username"], entry["object"]) for entry in everything.acl_log()}
    assert refused <= {(user, "client|setinfo") for user in PROCESSES}


@pytest.mark.django_db(transaction=True)
def test_an_alert_is_delivered_promptly_and_by_the_clock_and_nothing_that_it_takes_is_refused(
    server: Server, everything: redis.Redis, process_environment: dict[str, str], tmp_path: Path
) -> None:
    world = make_world()
    with ExitStack() as stack:
        posts = stack.enter_context(receiver())
        registered(url=posts.url, organisation_ods=SURGERY_ODS, kinds=("self-claim",))
        environments = {user: {**process_environment, "REDIS_URL": server.url(user)} for user in PROCESSES}
        child = children.start_worker(
            environment=environments["upkeep"], logs=tmp_path, name="restricted", queue=UPKEEP_QUEUE
        )
        stack.callback(processes.stop, children=[child])
        web = children.start_web(environment=environments["web"], logs=tmp_path)
        stack.callback(processes.stop, children=[web.child])
        processes.wait_until(
            ready=lambda: children.worker_is_ready(client=everything, child=child), child=child, within_s=60
        )
        processes.wait_until(ready=lambda: web.answers("/livez"), child=web.child, within_s=60)
        visitor = Visitor(web.address)
        visitor.sign_in("dr.osei", PASSWORD)
        path = f"/people/{world.nobodys}/claim"
        visitor.post(path, form_on=path, reason="New patient.")
        wait_for(lambda: len(posts.posted) == 1)
        # The page put it on the queue; from here on only the clock does.
        AlertDelivery.objects.create(
            alert=Alert.objects.get(), medium="email", recipient_id=uuid4(), next_at=timezone.now()
        )
        beat = children.start_beat(environment=environments["upkeep"], logs=tmp_path)
        stack.callback(processes.stop, children=[beat])
        wait_for(lambda: not AlertDelivery.objects.filter(state="waiting").exists(), within_s=40.0)
    assert_nothing_was_refused(everything)


EVERYBODY = """
    KEYS * | SCAN 0 | RANDOMKEY | CONFIG GET * | CONFIG SET save "" | INFO | MONITOR | CLIENT LIST | COMMAND
    CLIENT KILL TYPE normal | ACL LIST | ACL WHOAMI | FLUSHALL | FLUSHDB | SWAPDB 0 1 | SHUTDOWN | SAVE | BGSAVE
    REPLICAOF 127.0.0.1 1 | MODULE LIST | SLOWLOG GET | WAIT 0 0 | EVAL "return 1" 0 | FUNCTION LIST
    PUBLISH /0.celery.pidbox x | PUBLISH any x | SUBSCRIBE any | PSUBSCRIBE *
    LRANGE federation 0 -1 | LINDEX federation 0 | LREM federation 0 x | LTRIM federation 1 0 | DEL federation
    TYPE federation | RENAME federation other | COPY federation other | DUMP federation | LPUSH other x
    GET held:a | DEL held:a | EXPIRE held:a 1 | GETDEL held:a | DUMP held:a | APPEND held:a x | DEL document:a
    DEL progress:a | XRANGE progress:a - + | XTRIM progress:a MAXLEN 0 | GET worker:ready:a | SET other x | GET other
    SREM _kombu.binding.federation x | HGETALL unacked
"""
WEB = """
    RPOP upkeep | BRPOP upkeep 1 | DEL upkeep | LRANGE upkeep 0 -1 | LPUSH upkeep:9 x
    RPOP federation | LPOP federation | BRPOP federation 1 | LMOVE federation other LEFT LEFT | RPUSH federation x
    LPUSH federation:9 x | SET held:a x | SET held:a x GET
    SET worker:ready:a 1 | DEL worker:ready:a
    HSET load:workers a x | DEL load:under-way | SET load:shed 0
    HGETALL guard:a | HSET guard:a open_until 1 | ZADD guard:a:passes 1 x
    PERSIST cache:a | GETDEL cache:a | APPEND cache:a x | MGET cache:a cache:b
"""
UPKEEP = """
    GET held:a | MGET held:a | SET held:a x | XREAD STREAMS progress:a 0 | XADD progress:a * kind done
    LPUSH federation x | BRPOP federation 1 | LLEN federation | GET document:a | GET cache:1:sign-in:a
    SET cache:1:sign-in:a 0 | RPOP upkeep | LRANGE upkeep 0 -1 | DEL upkeep
    HSET guard:a open_until 1 | DEL guard:a
"""
WORKER = """
    LPUSH upkeep x | BRPOP upkeep 1 | ZADD load:under-way 1 x | INCR load:shed | DEL load:workers
    MGET held:a | SET held:a x GET | EXISTS held:a | XREAD STREAMS progress:a 0 | GET cache:1:sign-in:a
    SET cache:1:sign-in:a 0 | DEL cache:1:sign-in:a
"""


def commands(text: str) -> list[str]:
    return [command.strip() for line in text.splitlines() if line.strip() for command in line.split("|")]


@pytest.mark.parametrize(
    ("user", "command"),
    [
        (user, command)
        for user, more in (("web", WEB), ("worker", WORKER), ("upkeep", UPKEEP))
        for command in commands(EVERYBODY + more)
    ],
)
def test_what_a_process_does_not_need_is_refused(server: Server, user: str, command: str) -> None:
    with (
        redis.Redis.from_url(server.url(user), retry=None) as client,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        client.execute_command(*shlex.split(command))


def test_nobody_gets_in_without_a_name_or_with_another_s_password(server: Server) -> None:
    addresses = [
        f"redis://127.0.0.1:{server.port}/0",
        f"redis://:{server.passwords['web']}@127.0.0.1:{server.port}/0",
        f"redis://worker:{server.passwords['web']}@127.0.0.1:{server.port}/0",
    ]
    for address in addresses:
        with redis.Redis.from_url(address, retry=None) as client, pytest.raises(redis.AuthenticationError):
            client.get("held:a")
