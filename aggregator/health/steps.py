"""At which step of a trial a source failed, told by how its check ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.health.terms import CheckResult, Step, StepState, TrialStep
from aggregator.record.completeness.words import outcome_words
from connectors.contract.outcomes import Reason

# All others are about what the source says it is, or about its saying nothing.
_STEP_OF: Mapping[Reason | None, TrialStep] = {
    Reason.ADDRESS: TrialStep.ADDRESS,
    Reason.CONNECTION: TrialStep.CONNECTION,
    Reason.TLS: TrialStep.TLS,
    Reason.CREDENTIALS: TrialStep.CREDENTIALS,
    Reason.TOKEN: TrialStep.CREDENTIALS,
    Reason.NO_CREDENTIALS: TrialStep.CREDENTIALS,
    Reason.NOTHING_SEARCHABLE: TrialStep.READ,
    Reason.REQUEST_REJECTED: TrialStep.READ,
}
# With these it is not known whether what comes before was reached: the source itself may not have been asked. Nor is it
# where there is no reason: it may have kept silent from the first.
_BEFORE_ASKING = frozenset(
    {Reason.NO_CREDENTIALS, Reason.TOKEN, Reason.OUR_FAULT, Reason.ADDRESS, Reason.CONNECTION, None}
)


def steps_of_check(
    *, result: CheckResult, done: tuple[Step, ...], uses_tls: bool, uses_credentials: bool
) -> tuple[Step, ...]:
    """Return all steps of a trial: those that were `done` by themselves before, and the rest as the check ended."""
    failed = None if result.is_good else _STEP_OF.get(result.reason, TrialStep.STATEMENT)
    if failed in {step.step for step in done}:
        # What was done is not undone: it was lost afterwards, or is about whoever gives out tokens.
        failed = TrialStep.CREDENTIALS if uses_credentials else TrialStep.STATEMENT
    return tuple(
        _step(step, result=result, failed=failed, done=done, uses_tls=uses_tls, uses_credentials=uses_credentials)
        for step in TrialStep
    )


def steps_after_failure(*, done: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return all steps of a trial whose last step that was done failed."""
    reached = {step.step for step in done}
    rest = (Step(step=step, state=StepState.NOT_REACHED) for step in TrialStep if step not in reached)
    return (*done, *rest)


def _step(
    step: TrialStep,
    *,
    result: CheckResult,
    failed: TrialStep | None,
    done: tuple[Step, ...],
    uses_tls: bool,
    uses_credentials: bool,
) -> Step:
    if step is failed and result.outcome is not None:
        words = outcome_words(outcome=result.outcome, reason=result.reason or "")
        return Step(step=step, state=StepState.FAILED, detail=words, took_ms=result.took_ms)
    before = next((each for each in done if each.step is step), None)
    if before is not None:
        return before
    order = list(TrialStep)
    if failed is not None and order.index(step) > order.index(failed):
        return Step(step=step, state=StepState.NOT_REACHED)
    if (step is TrialStep.TLS and not uses_tls) or (step is TrialStep.CREDENTIALS and not uses_credentials):
        return Step(step=step, state=StepState.NOT_NEEDED)
    is_unproven = step is TrialStep.CREDENTIALS and failed is not None  # they are asked for last, with a search
    if failed is not None and (result.reason in _BEFORE_ASKING or is_unproven):
        return Step(step=step, state=StepState.NOT_REACHED)
    is_last = failed is None and step is TrialStep.READ
    return Step(step=step, state=StepState.DONE, took_ms=result.took_ms if is_last else None)
