"""A trial of a source says at which step it failed, and how that is put in words."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from aggregator.health import operations
from aggregator.health.models import SourceTrial
from aggregator.health.queries import Trial, trial_by_id
from aggregator.health.steps import steps_of_check
from aggregator.health.terms import CheckResult, Step, StepState, TrialStep
from aggregator.health.trials import run_trial
from connectors.contract.outcomes import Reason
from connectors.fhir_r4.connector import FhirR4
from connectors.gp_connect.connector import OPERATION
from tests.hospital import Hospital, Said, outcome, running
from tests.integration.health.test_checking import WORKS

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
