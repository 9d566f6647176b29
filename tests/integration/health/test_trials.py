"""A trial of a source says at which step it failed, and how that is put in words."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import DatabaseError, transaction
from django.utils import timezone

from aggregator.health import operations
from aggregator.health.models import SourceTrial
from aggregator.health.queries import Trial, trial_by_id
from aggregator.health.steps import steps_of_check
from aggregator.health.terms import CheckResult, Step, StepState, TrialStep
from aggregator.health.trials import run_trial
from aggregator.services.sources.read_trial import GIVEN_UP_AFTER
from connectors.contract.outcomes import Outcome, Reason
from connectors.contract.values import CheckedSource
from connectors.fhir_r4.connector import FhirR4
from connectors.gp_connect.connector import OPERATION
from tests.hospital import Hospital, Said, outcome, running
from tests.integration.health.test_checking import WORKS
from tests.receivers import certificate
from tests.world import NOWHERE

pytestmark = pytest.mark.django_db


def tried(base_url: str, **changes: Any) -> Trial:
    """Try a source that is not registered; return how that went."""
    settings = {"kind": "fhir_r4", "time_limit_s": 2, "base_url": base_url, "options": {}, **changes}
    now = timezone.now()
    trial_id = operations.begin_trial(
        source_id=None, settings=settings, asked_by=None, asker_organisation=None, now=now
    )
    run_trial(trial_id=trial_id, clock=timezone.now)
    trial = trial_by_id(trial_id=trial_id)
    assert trial
    return trial


def states(trial: Trial) -> list[str]:
    return [step.state.value for step in trial.steps]


def test_a_good_one_goes_through_all_steps_and_says_what_it_is() -> None:
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address)
    assert [step.step for step in trial.steps] == list(TrialStep)
    assert states(trial) == ["done", "done", "not-needed", "not-needed", "done", "done"]
    assert trial.is_good
    assert trial.ended_at
    assert trial.description == "FHIR 4.0.1, 2 types, $everything"


def test_an_address_that_may_not_be_asked_is_not_connected_to() -> None:
    for address in ("https://10.1.2.3/fhir", "https://169.254.169.254/"):
        trial = tried(address)
        assert states(trial) == ["failed", *["not-reached"] * 5]
        assert "not in a network that may be asked" in trial.steps[0].detail
    assert not trial.is_good


def test_where_nobody_listens_the_connection_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    trial = tried(f"http://127.0.0.1:{port}/fhir")
    assert states(trial) == ["done", "failed", *["not-reached"] * 4]


@pytest.mark.parametrize(
    ("said", "failed", "words"),
    [
        (Said(body=b"<title>Sign in</title>"), "statement", "no FHIR server"),
        (Said(body=outcome(), status=401), "credentials", "did not accept our credentials"),
        (Said(body=outcome(), status=503), "statement", "reported a fault"),
        (Said(body=outcome(), after_s=3), "statement", "in time"),
        (Said(body={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}), "read", "no way to ask"),
    ],
)
def test_what_fails_is_said_with_its_step(said: Said, failed: str, words: str) -> None:
    with running(Hospital(answers={"": said})) as hospital:
        trial = tried(hospital.address)
    (step,) = [step for step in trial.steps if step.state is StepState.FAILED]
    assert step.step == failed
    assert words in step.detail
    assert not trial.is_good


def test_a_secret_that_is_missing_is_our_fault_and_no_step_before_is_claimed() -> None:
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address, options={"auth": "token", "token_secret": "no-such-secret"})
    assert states(trial) == ["done", "done", "not-needed", "failed", "not-reached", "not-reached"]
    assert "our own credentials" in trial.steps[3].detail


def test_a_connector_that_breaks_is_our_fault_and_takes_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: Any, **__: Any) -> None:
        raise OverflowError

    monkeypatch.setattr(FhirR4, "check", breaks)
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address)
    assert states(trial) == ["done", "done", "not-needed", "not-needed", "failed", "not-reached"]
    assert "Fault on our side" in trial.steps[4].detail


def test_what_a_source_says_of_itself_is_kept_without_what_cannot_be_printed() -> None:
    operation = {"name": OPERATION.partition("$")[2]}
    said = {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "3.0.1\u0000\u001b[31m\u202e",
        "rest": [{"operation": [operation]}],
    }
    options = {"to_asid": "999999999999", "from_asid": "888888888888", "consumer_url": "https://record.example"}
    with running(Hospital(answers={"metadata": Said(body=said)})) as practice:
        trial = tried(practice.address, kind="gp_connect", options=options)
    assert trial.is_good
    assert trial.description == "GP Connect, FHIR 3.0.1[31m, declares the structured record"


def test_whether_encryption_was_reached_is_not_guessed() -> None:
    done = tuple(Step(step=step, state=StepState.DONE) for step in (TrialStep.ADDRESS, TrialStep.CONNECTION))
    for reason, tls in ((Reason.TOKEN, "not-reached"), (Reason.CREDENTIALS, "done"), (Reason.TLS, "failed")):
        result = CheckResult(outcome=reason.outcome, reason=reason)
        steps = steps_of_check(result=result, done=done, uses_tls=True, uses_credentials=True)
        assert steps[2].state == tls


def test_a_trial_that_has_ended_is_never_changed() -> None:
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address)
        asked = len(hospital.asked)
        run_trial(trial_id=trial.id, clock=timezone.now)
        assert len(hospital.asked) == asked
    with pytest.raises(DatabaseError), transaction.atomic():
        SourceTrial.objects.update(settings={"base_url": "https://elsewhere.example"})


@contextmanager
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing; its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_encryption_and_credentials_are_not_claimed_of_one_that_says_nothing() -> None:
    with silent() as place:
        trial = tried(f"https://{place}/fhir", time_limit_s=1)
    assert states(trial) == ["done", "done", "not-reached", "not-needed", "failed", "not-reached"]
    assert "in time" in trial.steps[4].detail


def test_credentials_are_not_claimed_where_the_source_failed_before_it_looked_at_them(
    tmp_path: Path, settings: Any
) -> None:
    (tmp_path / "royal-token").write_text("a-token")
    settings.SOURCE_SECRETS_FOLDER = str(tmp_path)
    options = {"auth": "token", "token_secret": "royal-token"}
    with running(Hospital(answers={"": Said(body=outcome(), status=503)})) as hospital:
        assert states(tried(hospital.address, options=options))[3:] == ["not-reached", "failed", "not-reached"]
    with running(Hospital(answers=dict(WORKS))) as hospital:
        assert states(tried(hospital.address, options=options))[3:] == ["done", "done", "done"]


def test_the_authorities_by_which_a_source_is_judged_are_no_credentials_of_ours(tmp_path: Path, settings: Any) -> None:
    settings.SOURCE_SECRETS_FOLDER = str(tmp_path)
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address, options={"ca_secret": certificate(tmp_path).name})
    assert (trial.is_good, states(trial)[3]) == (True, "not-needed")


def test_a_kind_that_is_declared_no_longer_fails_where_it_is_needed_and_says_so() -> None:
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address, kind="ward_book")
        assert hospital.asked == []
    assert states(trial) == ["done", "done", "not-needed", "not-needed", "failed", "not-reached"]
    assert trial.steps[4].detail == "Fault on our side: there is no connector for its kind"


def test_a_connector_that_breaks_takes_back_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> CheckedSource:
        raise ZeroDivisionError

    monkeypatch.setattr(FhirR4, "check", broken)
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address)
    assert states(trial)[:2] == ["done", "done"]
    assert trial.steps[4].detail.startswith("Fault on our side")


def test_what_a_source_says_of_itself_is_kept_without_what_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    async def checked(*_: Any, **__: Any) -> CheckedSource:
        return CheckedSource(words="Ward\0 \x1b[2Jbook\u202e")

    monkeypatch.setattr(FhirR4, "check", checked)
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address)
    assert (trial.is_good, trial.description) == (True, "Ward [2Jbook")


def test_a_trial_has_ended_before_it_is_given_up_however_slow_the_name_server(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr("aggregator.health.trials.CONNECT_S", 0.2)
    real, ended = socket.getaddrinfo, []

    def slow(host: Any, *given: Any, **more: Any) -> Any:
        if host == "slow.example":
            time.sleep(2)
        return real("127.0.0.1", *given, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    end = operations.end_trial

    def ends(**given: Any) -> None:
        ended.append(time.monotonic())
        end(**given)

    monkeypatch.setattr(operations, "end_trial", ends)
    began = time.monotonic()
    trial = tried("https://slow.example/fhir")
    assert states(trial)[0] == "failed"
    assert ended[0] - began < 1.5
    assert GIVEN_UP_AFTER.total_seconds() >= 30 + 5 + 5 + 10


def test_no_step_is_claimed_that_comes_after_one_that_is_not_known() -> None:
    done = tuple(Step(step=step, state=StepState.DONE) for step in (TrialStep.ADDRESS, TrialStep.CONNECTION))
    result = CheckResult(outcome=Outcome.TIMED_OUT)
    steps = steps_of_check(result=result, done=done, uses_tls=True, uses_credentials=True)
    assert [step.state.value for step in steps[2:]] == ["not-reached", "not-reached", "failed", "not-reached"]


def test_a_token_that_cannot_be_asked_for_takes_back_no_connection_to_the_source(tmp_path: Path, settings: Any) -> None:
    settings.SOURCE_SECRETS_FOLDER = str(tmp_path)
    key = ec.generate_private_key(ec.SECP384R1())
    (tmp_path / "royal-key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    options = {"auth": "smart", "client_id": "longview", "key_secret": "royal-key", "token_url": f"{NOWHERE}/token"}
    with running(Hospital(answers=dict(WORKS))) as hospital:
        trial = tried(hospital.address, options=options)
    assert states(trial) == ["done", "done", "not-needed", "failed", "not-reached", "not-reached"]
    assert "there was no connection" in trial.steps[3].detail


def test_a_source_behind_a_proxy_is_connected_to_where_it_is_asked() -> None:
    with running(Hospital(answers=dict(WORKS))) as hospital:
        options = {"ssp_url": hospital.address, "to_asid": "1", "from_asid": "2", "consumer_url": "https://us.example"}
        trial = tried("https://practice.invalid/STU3/1", kind="gp_connect", options=options)
        assert states(trial)[:4] == ["done", "done", "not-needed", "not-needed"]
        assert hospital.asked


@pytest.mark.parametrize("address", ["https://royal.example:99999/R4", "https://[::1/R4"])
def test_an_address_that_cannot_be_read_is_said_to_be_that(address: str) -> None:
    trial = tried(address)
    assert (states(trial)[0], trial.steps[0].detail) == ("failed", "It cannot be read")
