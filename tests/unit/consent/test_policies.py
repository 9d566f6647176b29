"""What a person's policies say: their bounds, their labels, their dates, and what they say of what belongs together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs

from aggregator.accounts.requester import PurposeOfUse
from aggregator.accounts.roles import Role
from aggregator.consent.policies import Rules, rules_for
from aggregator.consent.terms import (
    Actor,
    BasePolicy,
    DataPeriod,
    Effect,
    ItemKey,
    Period,
    PolicyTerms,
    Provision,
    british_days,
)
from aggregator.record.item import Item
from connectors.contract.categories import RecordCategory
from fhir_data.labels import UNREADABLE, Label
from tests.factories import CONFIDENTIALITY, NOW, condition, item, observation, requester, restricted

SOURCE, OTHER_SOURCE = uuid4(), uuid4()
CLINICIAN = requester()
SHARES, OBJECTS = PolicyTerms(base=BasePolicy.PERMIT), PolicyTerms(base=BasePolicy.DENY)
RESTRICTED, HIV = (
    Label(system=CONFIDENTIALITY, code="R"),
    Label(system="http://terminology.hl7.org/CodeSystem/v3-ActCode", code="HIV"),
)
MOMENT = timedelta(microseconds=1)


def rules(*policies: PolicyTerms, now: datetime = NOW, **asking: Any) -> Rules:
    return rules_for(policies=policies, requester=replace(CLINICIAN, **asking), now=now)


def denial(**named: Any) -> PolicyTerms:
    return PolicyTerms(base=BasePolicy.DENY, root=Provision(effect=Effect.DENY, **named))


def permit(*exceptions: Provision, base: BasePolicy = BasePolicy.PERMIT, **named: Any) -> PolicyTerms:
    return PolicyTerms(base=base, root=Provision(effect=Effect.PERMIT, **named), exceptions=exceptions)


def of_source(**members: Any) -> Item:
    return item(resource=condition(**members), source=str(SOURCE))


PROBLEM = of_source(id="p")


# Bases and purposes


@pytest.mark.parametrize(
    ("base", "purposes"),
    [
        (BasePolicy.PERMIT, {"TREAT", "COC", "ETREAT", "BTG"}),
        (BasePolicy.PERMIT_ALL, {purpose.value for purpose in PurposeOfUse}),
        (BasePolicy.BREAK_GLASS_ONLY, {"BTG"}),
        (BasePolicy.DENY, set()),
    ],
)
def test_each_base_is_for_its_purposes(base: BasePolicy, purposes: set[str]) -> None:
    policy = PolicyTerms(base=base)
    assert {each.value for each in PurposeOfUse if rules(policy, purpose=each).may_open} == purposes
    assert {each.value for each in PurposeOfUse if rules(policy, purpose=each).permits(item=PROBLEM)} == purposes


def test_who_has_decided_nothing_permits_treatment_and_nothing_else() -> None:
    assert rules().permits(item=PROBLEM)
    assert not rules(purpose=PurposeOfUse.RESEARCH).permits(item=PROBLEM)
    assert not rules().permits(item=of_source(meta=restricted()))


@pytest.mark.parametrize("base", [BasePolicy.DENY, BasePolicy.BREAK_GLASS_ONLY])
def test_a_policy_that_contradicts_itself_or_cannot_be_read_denies(base: BasePolicy) -> None:
    contradictory = permit(base=base)
    for policy in (contradictory, replace(SHARES, is_understood=False)):
        assert not rules(policy).may_open
        assert not rules(policy, SHARES, purpose=PurposeOfUse.BREAK_GLASS).permits(item=PROBLEM)


# When


@pytest.mark.parametrize(
    ("period", "now", "holds"),
    [
        (Period(), NOW, True),
        (Period(start=NOW), NOW, True),
        (Period(start=NOW), NOW - MOMENT, False),
        (Period(end=NOW), NOW, False),
        (Period(end=NOW), NOW - MOMENT, True),
        # In summer a British day begins an hour before that of UTC.
        (british_days(first=date(2025, 6, 2), last=date(2025, 6, 2)), datetime(2025, 6, 1, 23, tzinfo=UTC), True),
        (
            british_days(first=date(2025, 6, 2), last=date(2025, 6, 2)),
            datetime(2025, 6, 1, 22, 59, 59, tzinfo=UTC),
            False,
        ),
        (
            british_days(first=date(2025, 6, 2), last=date(2025, 6, 2)),
            datetime(2025, 6, 2, 22, 59, 59, tzinfo=UTC),
            True,
        ),
        (british_days(first=date(2025, 6, 2), last=date(2025, 6, 2)), datetime(2025, 6, 2, 23, tzinfo=UTC), False),
        (british_days(first=None, last=date(2025, 1, 5)), datetime(2025, 1, 6, tzinfo=UTC), False),
    ],
)
def test_a_denial_holds_exactly_within_its_period(period: Period, now: datetime, holds: bool) -> None:
    assert rules(denial(period=period), now=now).may_open is not holds
    assert period.holds(now) is holds


@pytest.mark.parametrize("period", [Period(start=NOW, end=NOW), Period(start=NOW + MOMENT, end=NOW)])
def test_a_period_without_a_moment_denies_always_and_permits_never(period: Period) -> None:
    assert period.is_empty
    for now in (NOW - timedelta(days=1), NOW, NOW + timedelta(days=1)):
        assert not rules(denial(period=period), now=now).may_open
        assert not rules(permit(period=period), now=now).may_open


def test_when_a_permit_ends_nothing_takes_its_place() -> None:
    ended = replace(SHARES, ended_at=NOW)
    assert rules(ended, now=NOW - MOMENT).may_open
    assert not rules(ended).may_open
    assert not rules(permit(period=Period(end=NOW))).may_open
    assert rules(ended, SHARES).may_open


def test_a_permit_that_never_began_is_as_if_nobody_had_spoken() -> None:
    tomorrow = NOW + timedelta(days=1)
    to_come = permit(period=Period(start=tomorrow), categories=frozenset({RecordCategory.DOCUMENTS}))
    assert rules(to_come).permits(item=PROBLEM)
    assert not rules(to_come, now=tomorrow).permits(item=PROBLEM)
    assert rules(replace(to_come, ended_at=NOW), now=tomorrow).permits(item=PROBLEM)


def test_when_an_objection_ends_the_record_is_shared_as_before() -> None:
    assert rules(replace(OBJECTS, ended_at=NOW)).may_open
    assert not rules(OBJECTS, SHARES).may_open


# Whom, where and what


def test_whom_a_provision_names() -> None:
    assert CLINICIAN.user_id is not None
    for actor in (
        Actor.user(CLINICIAN.user_id),
        Actor.organisation(CLINICIAN.organisation_ods),
        Actor.role(Role.CLINICIAN),
    ):
        named = frozenset({actor, Actor.user(uuid4())})
        assert not rules(denial(actors=named)).may_open
        assert rules(denial(actors=frozenset({replace(actor, value=str(uuid4()))}))).may_open
        assert rules(permit(actors=named)).may_open
        assert not rules(permit(actors=named), user_id=uuid4(), organisation_ods="X", role=Role.OPERATOR).may_open


def test_nobody_is_no_user_that_a_provision_names() -> None:
    named = frozenset({Actor.user(uuid4())})
    assert rules(denial(actors=named), user_id=None).may_open
    assert not rules(permit(actors=named), user_id=None).may_open


def test_a_source_from_which_nothing_may_be_shown_is_not_asked() -> None:
    this = frozenset({SOURCE})
    assert not rules(denial(sources=this)).may_ask(source_id=SOURCE)
    assert rules(denial(sources=this)).may_ask(source_id=OTHER_SOURCE)
    assert rules(denial(sources=this)).may_open
    assert rules(permit(sources=this)).may_ask(source_id=SOURCE)
    assert not rules(permit(sources=this)).may_ask(source_id=OTHER_SOURCE)
    # Of what may be there something may be shown.
    assert rules(denial(sources=this, categories=frozenset({RecordCategory.ALLERGIES}))).may_ask(source_id=SOURCE)
    assert rules(denial(sources=this, labels=frozenset({HIV}))).may_ask(source_id=SOURCE)
    only_this_item = frozenset({ItemKey(source_id=SOURCE, resource_type="Condition", resource_id="p")})
    assert rules(permit(items=only_this_item)).may_ask(source_id=SOURCE)
    assert not rules(permit(items=only_this_item)).may_ask(source_id=OTHER_SOURCE)
    excepted = replace(denial(sources=this), exceptions=(Provision(effect=Effect.PERMIT, items=only_this_item),))
    assert rules(excepted).may_ask(source_id=SOURCE)
    assert rules(excepted).permits(item=PROBLEM)
    assert not rules(excepted).permits(item=of_source(id="q"))


def test_an_item_is_denied_however_its_id_is_spelt_and_as_it_was_sent() -> None:
    key = ItemKey(source_id=SOURCE, resource_type="ProcedureRequest", resource_id="A-1")
    sent = b'{"resourceType":"ProcedureRequest","id":"a-1"}'
    translated = item(resource={"resourceType": "ServiceRequest", "id": "a-1"}, source=str(SOURCE), original=sent)
    assert not rules(denial(items=frozenset({key}))).permits(item=translated)
    assert rules(denial(items=frozenset({key}))).permits(item=structs.replace(translated, source_id=str(OTHER_SOURCE)))
    assert rules(denial(items=frozenset({key}))).permits(item=structs.replace(translated, original=None))


# Labels


def test_a_label_withholds_unless_the_provision_that_permits_names_it() -> None:
    plain, labelled = PROBLEM, of_source(meta=restricted())
    assert not rules(SHARES).permits(item=labelled)
    with_label = permit(labels=frozenset({RESTRICTED}))
    assert rules(with_label).permits(item=labelled)
    assert rules(with_label).permits(item=plain)
    both = structs.replace(labelled, labels=(RESTRICTED, HIV))
    assert not rules(with_label).permits(item=both)
    assert rules(permit(labels=frozenset({RESTRICTED, HIV}))).permits(item=both)
    focused = permit(
        Provision(effect=Effect.PERMIT, labels=frozenset({RESTRICTED}), actors=frozenset({Actor.user(uuid4())}))
    )
    assert rules(focused).permits(item=plain)
    assert not rules(focused).permits(item=labelled)


def test_a_label_that_nobody_can_read_is_never_permitted() -> None:
    everything = permit(labels=frozenset({RESTRICTED, HIV, UNREADABLE, Label(system="", code="R")}))
    for label in (UNREADABLE, Label(system="", code="R"), Label(system=CONFIDENTIALITY, code="SECRET")):
        assert not rules(everything).permits(item=structs.replace(PROBLEM, labels=(label,)))
        assert not rules(permit(labels=frozenset({label}))).permits(item=PROBLEM)
        assert not rules(denial(labels=frozenset({label}))).permits(item=PROBLEM)


def test_a_denial_of_a_label_is_of_each_of_its_spellings() -> None:
    permitting_all = permit(labels=frozenset({RESTRICTED, HIV}))
    other_spelling = Label(system="urn:oid:2.16.840.1.113883.5.4", code="hiv ")
    assert rules(permitting_all).permits(item=structs.replace(PROBLEM, labels=(other_spelling,)))
    denied = rules(permitting_all, denial(labels=frozenset({HIV})))
    assert not denied.permits(item=structs.replace(PROBLEM, labels=(other_spelling,)))
    assert denied.permits(item=structs.replace(PROBLEM, labels=(RESTRICTED,)))
    assert denied.permits(item=PROBLEM)


def test_the_label_of_what_nobody_labels_is_normal() -> None:
    normal = Label(system=CONFIDENTIALITY, code="N")
    assert not rules(denial(labels=frozenset({normal}))).permits(item=PROBLEM)
    assert rules(permit(labels=frozenset({normal}))).permits(item=PROBLEM)


# Dates

IN_2020 = DataPeriod(start=date(2020, 1, 1), end=date(2020, 12, 31))
UNTIL_2020, FROM_2020 = DataPeriod(end=date(2020, 12, 31)), DataPeriod(start=date(2020, 1, 1))


@pytest.mark.parametrize(
    ("members", "period", "within", "touching"),
    [
        ({"recordedDate": "2020-06-01"}, IN_2020, True, True),
        ({"recordedDate": "2020"}, IN_2020, True, True),
        ({"recordedDate": "2019-12-31"}, IN_2020, False, False),
        ({"recordedDate": "2021"}, UNTIL_2020, False, False),
        ({"recordedDate": "2021"}, FROM_2020, True, True),
        ({"recordedDate": "2020-06-01", "onsetDateTime": "2011"}, IN_2020, False, True),
        ({"onsetPeriod": {"start": "2019-05-01", "end": "2020-02-01"}}, IN_2020, False, True),
        ({"onsetPeriod": {"start": "2020-05-01"}}, IN_2020, False, True),
        ({"onsetPeriod": {"start": "2020-05-01"}}, FROM_2020, True, True),
        ({"onsetPeriod": {"end": "2020-05-01"}}, UNTIL_2020, True, True),
        ({"onsetPeriod": {"start": "2021-05-01"}}, IN_2020, False, False),
        ({"recordedDate": "2020-12-31T23:59:59Z"}, IN_2020, True, True),
        ({"recordedDate": "2020-06-30T23:30:00Z"}, DataPeriod(end=date(2020, 6, 30)), False, False),
        ({"recordedDate": "2021-01-01T00:30:00+01:00"}, IN_2020, True, True),
        # Nobody can tell.
        ({}, IN_2020, False, True),
        ({"onsetString": "in her youth"}, IN_2020, False, True),
        ({"recordedDate": "last summer"}, IN_2020, False, True),
        ({"recordedDate": "2020-13-01"}, UNTIL_2020, False, True),
        ({"recordedDate": 2020}, IN_2020, False, True),
        ({"recordedDate": "2020-06-01", "onsetDateTime": "0000"}, IN_2020, False, True),
        # When its server last touched it says nothing of the patient.
        ({"recordedDate": "2020-06-01", "meta": {"lastUpdated": "2024-01-01T00:00:00Z"}}, IN_2020, True, True),
    ],
)
def test_a_denial_is_of_what_may_lie_in_its_dates_and_a_permit_of_what_does(
    members: dict[str, Any], period: DataPeriod, within: bool, touching: bool
) -> None:
    dated = of_source(**members)
    assert rules(permit(data_period=period)).permits(item=dated) is within
    assert rules(denial(data_period=period)).permits(item=dated) is not touching


def test_a_file_goes_with_its_letter_whatever_the_dates() -> None:
    file = item(resource={"resourceType": "Binary", "id": "b", "contentType": "text/plain"}, source=str(SOURCE))
    assert rules(denial(data_period=IN_2020)).permits(item=file)
    assert rules(permit(data_period=IN_2020)).permits(item=file)


def test_dates_without_a_day_deny_everything_and_permit_nothing() -> None:
    impossible = DataPeriod(start=date(2020, 1, 2), end=date(2020, 1, 1))
    assert not rules(denial(data_period=impossible)).permits(item=of_source(recordedDate="2024"))
    assert not rules(permit(data_period=impossible)).permits(item=of_source(recordedDate="2024"))


# What belongs together


def test_what_others_point_to_has_no_kind_and_no_date_of_its_own() -> None:
    clinic = item(resource={"resourceType": "Organization", "id": "o"}, source=str(SOURCE))
    for named in ({"categories": frozenset({RecordCategory.PROBLEMS})}, {"data_period": IN_2020}):
        assert rules(denial(**named)).permits(item=clinic)
        assert rules(permit(**named)).permits(item=clinic)
    assert not rules(denial(sources=frozenset({SOURCE}))).permits(item=clinic)
    key = ItemKey(source_id=SOURCE, resource_type="Condition", resource_id="p")
    assert rules(permit(items=frozenset({key}))).permits(item=clinic)
    assert not rules(permit(items=frozenset({key}))).permits(item=structs.replace(clinic, source_id=str(OTHER_SOURCE)))


def test_a_kind_or_a_date_leaves_what_belongs_to_an_item_alone_and_the_rest_does_not() -> None:
    contact = item(resource={"resourceType": "Encounter", "id": "e", "period": {"start": "2020"}}, source=str(SOURCE))
    key = ItemKey(source_id=SOURCE, resource_type="Encounter", resource_id="e")
    for named, leaves_parts in (
        ({"categories": frozenset({RecordCategory.ENCOUNTERS})}, True),
        ({"data_period": IN_2020}, True),
        ({"items": frozenset({key})}, False),
        ({"labels": frozenset({Label(system=CONFIDENTIALITY, code="N")})}, False),
        ({"sources": frozenset({SOURCE})}, True),
        ({}, True),
    ):
        denied = rules(denial(**named))
        assert not denied.permits(item=contact)
        assert denied.permits_parts(item=contact) is leaves_parts
    other = ItemKey(source_id=SOURCE, resource_type="Observation", resource_id="x")
    assert rules(permit(items=frozenset({other}))).permits_parts(item=contact)


def test_who_denies_results_denies_what_a_report_lists() -> None:
    report = item(resource={"resourceType": "DiagnosticReport", "id": "r"}, source=str(SOURCE))
    assert not rules(denial(categories=frozenset({RecordCategory.RESULTS}))).permits_parts(item=report)
    documents_only = permit(categories=frozenset({RecordCategory.DOCUMENTS}))
    assert rules(documents_only).permits_parts(item=report)
    result = item(resource=observation(id="o"), source=str(SOURCE))
    assert not rules(denial(categories=frozenset({RecordCategory.RESULTS}))).permits(item=result)
