"""An administrator records, sees, changes and withdraws what a patient has decided, in plain words."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
import redis
from django.test import Client
from django.utils import timezone

from aggregator.consent import queries
from aggregator.consent.terms import (
    Actor,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    Period,
    PolicyTerms,
    Provision,
    RecordedPolicy,
)
from aggregator.services.open_record import open_record
from aggregator.services.record_policy import record_policy
from aggregator.services.view_record import view_record
from aggregator.sources.models import Source
from connectors.contract.categories import RecordCategory
from tests.factories import allergy, condition, restricted
from tests.integration.services.test_showing import answered, held_redis
from tests.world import SURGERY_ODS, World, make_world, signed_in_client

__all__ = ["held_redis"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def administrator(world: World) -> Client:
    return signed_in_client("ms.lane")


def page(answer: Any) -> str:
    """Return what a page says, without its markup, as it is read aloud."""
    said = re.sub(r'<span [^>]*aria-hidden="true">[^<]*</span>', " ", answer.content.decode())
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", said)).split())


def entered(*exceptions: dict[str, str], **whole: str) -> dict[str, str]:
    """Return what an administrator enters, with so many exceptions."""
    fields = {"base": "basic-normal", "note": "By telephone.", "form-TOTAL_FORMS": str(len(exceptions))}
    fields |= {"form-INITIAL_FORMS": "0", "first_day": "", "last_day": "", **whole}
    for number, exception in enumerate(exceptions):
        fields |= {f"form-{number}-{name}": value for name, value in {"effect": "deny", **exception}.items()}
    return fields


def policies(world: World) -> list[RecordedPolicy]:
    return queries.policies_of(person_id=world.joan, now=timezone.now())


def decide(client: Client, world: World, fields: dict[str, str], *, step: str = "save") -> Any:
    return client.post(f"/people/{world.joan}/consent/decide", {**fields, "step": step})


LEVELS: dict[str, tuple[dict[str, str], PolicyTerms, str]] = {
    "shares": (
        entered(),
        PolicyTerms(base=BasePolicy.PERMIT),
        "shared with those who care for the patient, for treatment",
    ),
    "shares for all": (entered(base="all-normal"), PolicyTerms(base=BasePolicy.PERMIT_ALL), "for every purpose"),
    "emergency": (
        entered(base="break-glass-only"),
        PolicyTerms(base=BasePolicy.BREAK_GLASS_ONLY),
        "except with a clinician who breaks the glass",
    ),
    "objects": (entered(base="deny"), PolicyTerms(base=BasePolicy.DENY), "Nothing of the record is shared."),
    "not this organisation": (
        entered({"organisation": SURGERY_ODS}),
        PolicyTerms(
            base=BasePolicy.PERMIT,
            exceptions=(Provision(effect=Effect.DENY, actors=frozenset({Actor.organisation(SURGERY_ODS)})),),
        ),
        "Except: nothing is shared with The Surgery.",
    ),
    "not this kind of content, of these years": (
        entered({"category": "documents", "data_from": "2010-01-01", "data_to": "2012-12-31"}),
        PolicyTerms(
            base=BasePolicy.PERMIT,
            exceptions=(
                Provision(
                    effect=Effect.DENY,
                    categories=frozenset({RecordCategory.DOCUMENTS}),
                    data_period=DataPeriod(start=None, end=None),
                ),
            ),
        ),
        "Except: documents of the time from 1 January 2010 to 31 December 2012 are not shared.",
    ),
    "labels for one purpose": (
        entered({"effect": "permit", "label": "HIV", "purpose": "TREAT"}),
        PolicyTerms(base=BasePolicy.PERMIT),
        "Except: everything labelled HIV is shared for treatment.",
    ),
}


@pytest.mark.parametrize(("fields", "terms", "words"), LEVELS.values(), ids=LEVELS)
def test_each_level_is_said_in_words_recorded_and_shown(
    world: World, administrator: Client, fields: dict[str, str], terms: PolicyTerms, words: str
) -> None:
    checked = decide(administrator, world, fields, step="check")
    assert checked.status_code == 200
    assert words in page(checked)
    assert policies(world) == []
    assert decide(administrator, world, fields).status_code == 302
    (policy,) = policies(world)
    assert policy.terms.base is terms.base
    assert len(policy.terms.exceptions) == len([name for name in fields if name.endswith("-effect")])
    if terms.exceptions and terms.exceptions[0].actors:
        assert policy.terms == terms
    shown = page(administrator.get(f"/people/{world.joan}/consent"))
    assert words in shown
    assert "By telephone." in shown
    assert "by Ama Osei" in shown


def test_a_person_a_source_and_one_entry_can_be_named(world: World, administrator: Client) -> None:
    surgery = Source.objects.get()
    exceptions = ({"username": "dr.osei"}, {"source": str(surgery.id), "entry": "Condition/7"})
    assert decide(administrator, world, entered(*exceptions)).status_code == 302
    (policy,) = policies(world)
    user, entry = policy.terms.exceptions
    assert world.clinician.user_id is not None
    assert user.actors == frozenset({Actor.user(world.clinician.user_id)})
    assert entry.items == frozenset({ItemKey(source_id=surgery.id, resource_type="Condition", resource_id="7")})
    shown = page(administrator.get(f"/people/{world.joan}/consent"))
    assert "nothing is shared with Ama Osei" in shown
    assert "the entry Condition/7 of The Surgery" in shown


def test_exceptions_are_added_and_removed_without_losing_what_was_entered(world: World, administrator: Client) -> None:
    fields = entered({"category": "documents"}, {"category": "results"}, note="Told me in clinic.")
    more = decide(administrator, world, fields, step="add").content.decode()
    assert 'name="form-TOTAL_FORMS" value="3"' in more
    assert "Told me in clinic." in more
    fewer = decide(administrator, world, fields, step="remove-0").content.decode()
    assert 'name="form-TOTAL_FORMS" value="1"' in fewer
    assert '<option value="results" selected>' in fewer
    assert '<option value="documents" selected>' not in fewer
    assert "There is a problem" not in more + fewer
    back = decide(administrator, world, fields, step="back")
    assert back.status_code == 200
    assert '<option value="documents" selected>' in back.content.decode()
    assert policies(world) == []


def test_the_last_day_that_there_is_is_no_end(administrator: Client, world: World) -> None:
    decide(administrator, world, entered(base="deny", last_day="9999-12-31"))
    (policy,) = policies(world)
    assert (policy.terms.permits, policy.terms.root and policy.terms.root.period) == (False, Period())


@pytest.mark.parametrize(
    ("fields", "problem", "anchor"),
    [
        (entered(base=""), "Select what the patient has decided", "#base-1"),
        (entered(note=" "), "Enter how and when the patient told you", "#note"),
        (entered(last_day="2020-01-01"), "The last day must not be in the past.", "#last_day"),
        (entered(first_day="2099-02-30"), "Enter a real date", "#first_day"),
        (entered({}), "Exception 1: Say whom or what this exception is about.", "#form-0-effect"),
        (
            entered({"category": "documents"}, {"data_from": "2021-01-01", "data_to": "2020-01-01"}),
            "Exception 2: The last day must not be before the first.",
            "#form-1-data_to",
        ),
        (entered({"username": "nobody"}), "Exception 1: This person, role or organisation is not known", "#form-0-org"),
        (entered({"username": "dr.osei", "role": "nurse"}), "one of the three in each exception", "#form-0-username"),
        (entered({"entry": "Condition 7"}), "Enter the entry as its type and its id", "#form-0-entry"),
        (entered({"entry": "Condition/7"}), "Select the source that holds this entry", "#form-0-source"),
        (entered({"source": "elsewhere"}), "Exception 1: Select a valid choice", "#form-0-source"),
    ],
)
def test_what_cannot_be_recorded_is_said_on_top_and_beside_its_field(
    world: World, administrator: Client, fields: dict[str, str], problem: str, anchor: str
) -> None:
    for step in ("check", "save"):
        answer = decide(administrator, world, fields, step=step)
        assert answer.status_code == 400
        assert page(answer).count(problem.removeprefix("Exception 1: ").removeprefix("Exception 2: ")) >= 2
        assert problem in page(answer)
        assert f'href="{anchor}' in answer.content.decode()
    assert policies(world) == []


def test_a_change_starts_from_what_was_decided_and_takes_its_place(world: World, administrator: Client) -> None:
    decide(administrator, world, entered({"organisation": SURGERY_ODS}, last_day="2099-12-31"))
    (first,) = policies(world)
    change = f"/people/{world.joan}/consent/{first.policy_id}/change"
    form = administrator.get(change).content.decode()
    assert f'<option value="{SURGERY_ODS}" selected>' in form
    assert 'value="2099-12-31"' in form
    assert administrator.post(change, {**entered(base="deny"), "step": "save"}).status_code == 302
    newest, oldest = policies(world)
    assert (newest.terms.base, newest.replaces_id, oldest.policy_id) == (
        BasePolicy.DENY,
        first.policy_id,
        first.policy_id,
    )
    assert oldest.ended_at is not None
    # Somebody else's change came first.
    assert administrator.post(change, {**entered(), "step": "save"}).status_code == 409
    assert len(policies(world)) == 2
    shown = page(administrator.get(f"/people/{world.joan}/consent"))
    assert "Earlier decisions" in shown
    assert "Changed: another decision was recorded in its place." in shown


def test_a_decision_that_the_form_cannot_hold_is_shown_before_it_is_replaced(
    world: World, administrator: Client
) -> None:
    root = Provision(effect=Effect.PERMIT, categories=frozenset({RecordCategory.ALLERGIES}))
    policy_id = record_policy(
        requester=world.administrator,
        person_id=world.joan,
        terms=PolicyTerms(base=BasePolicy.PERMIT, root=root),
        note="By letter.",
        now=timezone.now(),
    )
    shown = page(administrator.get(f"/people/{world.joan}/consent/{policy_id}/change"))
    assert "Allergies are shared." in shown
    assert "This form cannot hold all of it." in shown


def test_a_decision_is_withdrawn_with_a_reason(world: World, administrator: Client) -> None:
    decide(administrator, world, entered(base="deny"))
    (policy,) = policies(world)
    withdraw = f"/people/{world.joan}/consent/{policy.policy_id}/withdraw"
    assert "it keeps nothing back any more" in page(administrator.get(withdraw))
    refused = administrator.post(withdraw, {"note": ""})
    assert refused.status_code == 400
    assert "Enter how and when the patient told you" in page(refused)
    assert administrator.post(withdraw, {"note": "In person."}).status_code == 302
    assert "In person." in page(administrator.get(f"/people/{world.joan}/consent"))
    assert administrator.post(withdraw, {"note": "In person."}).status_code == 409
    other = f"/people/{world.peter}/consent/{policy.policy_id}/withdraw"
    assert administrator.post(other, {"note": "In person."}).status_code == 404


def test_a_withdrawn_permit_leaves_nothing_shared_and_the_page_says_so(world: World, administrator: Client) -> None:
    decide(administrator, world, entered())
    (policy,) = policies(world)
    withdraw = f"/people/{world.joan}/consent/{policy.policy_id}/withdraw"
    assert "what it shared is no longer shared" in page(administrator.get(withdraw))
    administrator.post(withdraw, {"note": "In person."})
    shown = page(administrator.get(f"/people/{world.joan}/consent"))
    assert "Not shared What the patient once agreed to has ended" in shown


# What an open record shows of it


def test_a_decision_changes_an_open_record_at_once(
    world: World, administrator: Client, held_redis: redis.Redis
) -> None:
    labelled = condition(id="labelled", code="59621000", display="Essential hypertension", meta=restricted())
    view = answered(world, held_redis, allergy(id="a"), condition(id="c"), labelled)
    assert len(view.record.entries) == 2

    def shown() -> tuple[int, bool]:
        now = view_record(requester=world.clinician, retrieval_id=view.retrieval_id, now=timezone.now())
        return len(now.record.entries), now.withheld

    decide(administrator, world, entered({"effect": "permit", "label": "R"}))
    assert shown() == (3, False)
    decide(administrator, world, entered({"category": "allergies"}))
    assert shown() == (2, True)
    surgery = Source.objects.get()
    decide(administrator, world, entered({"source": str(surgery.id)}))
    hidden = view_record(requester=world.clinician, retrieval_id=view.retrieval_id, now=timezone.now())
    assert (hidden.sources, hidden.withheld, dict(hidden.record.entries)) == ((), True, {})
    page_of_it = page(signed_in_client("dr.osei").get(f"/records/{view.retrieval_id}"))
    assert "The Surgery: " not in page_of_it
    # Nor is it asked any more, and nobody is told why.
    again = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    assert view_record(requester=world.clinician, retrieval_id=again, now=timezone.now()).sources == ()
