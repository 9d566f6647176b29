"""What hangs on two people holds for both once they are joined, and is each one's own again when they are parted."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from django.utils import timezone

from aggregator.accounts.requester import operator
from aggregator.accounts.roles import Permission
from aggregator.api.fhir.patient_resource import patient_resource
from aggregator.audit.events import Action
from aggregator.audit.looked_for import Sought
from aggregator.audit.models import AuditEvent
from aggregator.audit.trail import every_event
from aggregator.break_glass.operations import record_join
from aggregator.break_glass.queries import are_one, is_colleague, open_to, reviewed_access
from aggregator.consent.decision import Decision
from aggregator.consent.models import Policy
from aggregator.consent.objection_file import Objection
from aggregator.consent.queries import decide, terms_that_hold
from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import NotPermitted, Superseded
from aggregator.federation.models import Retrieval
from aggregator.mpi.models import LinkReview, SourceRecord
from aggregator.mpi.queries import person_summary
from aggregator.relationships.queries import care_team, carers_of, patients_of, reached_by, relationships_of
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.audit.report_access import report_access
from aggregator.services.audit.stretches import stretches_of
from aggregator.services.check_progress import check_progress
from aggregator.services.find_person import find_person
from aggregator.services.load_identities import load_identities
from aggregator.services.load_objections import load_objections
from aggregator.services.open_record import open_record
from aggregator.services.preview_policy import preview_policy
from aggregator.services.read_consent import read_consent
from aggregator.services.record_opt_out import record_opt_out
from aggregator.services.record_policy import record_policy
from aggregator.services.relationships.claim_relationship import claim_relationship
from aggregator.services.relationships.list_relationships import list_relationships
from aggregator.services.settle_review import settle_review
from aggregator.services.take_back_review import take_back_review
from aggregator.services.view_record import view_record
from connectors.contract.categories import RecordCategory
from fhir_data.labels import Label
from tests.break_glass_acts import broken
from tests.factories import item, person_of
from tests.relationship_acts import ended, made, member, recorded, team
from tests.world import (
    JOAN_AGAIN,
    JOAN_NUMBER,
    NOWHERE,
    SOURCE_SLUG,
    World,
    decided,
    is_shared,
    load_joan_again,
    make_world,
    settled,
    signed_in_client,
    withdraw,
)

pytestmark = pytest.mark.django_db

ACT_CODES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PSYCHIATRY = Label(system=ACT_CODES, code="PSY")
DENIED = PolicyTerms(base=BasePolicy.DENY)
PERMITTED = PolicyTerms(base=BasePolicy.PERMIT)
PSYCHIATRY_PERMITTED = PolicyTerms(
    base=BasePolicy.PERMIT, exceptions=(Provision(effect=Effect.PERMIT, labels=frozenset({PSYCHIATRY})),)
)
RESULTS_DENIED = PolicyTerms(
    base=BasePolicy.PERMIT,
    exceptions=(Provision(effect=Effect.DENY, categories=frozenset({RecordCategory.RESULTS})),),
)
RESULTS_ONLY = PolicyTerms(
    base=BasePolicy.PERMIT,
    root=Provision(effect=Effect.PERMIT, categories=frozenset({RecordCategory.RESULTS})),
)


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def other(world: World) -> UUID:
    """Joan a second time: the surgery has given her another number of its own."""
    return load_joan_again()


def join(world: World) -> None:
    settled(world, "join")


def part(world: World) -> None:
    take_back_review(requester=world.administrator, review_id=LinkReview.objects.get().id, now=timezone.now())


def decision_of(world: World, person_id: UUID) -> Decision:
    return decide(requester=world.clinician, permission=Permission.VIEW_RECORD, person_id=person_id, now=timezone.now())


def shows(world: World, person_id: UUID, *, label: Label | None = None, kind: str = "Condition") -> bool:
    security = [{"system": label.system, "code": label.code}] if label else []
    sample = item(resource={"resourceType": kind, "meta": {"security": security}})
    return decision_of(world, person_id).may_show(item=sample)


# Consent


@pytest.mark.parametrize("terms", [DENIED, PolicyTerms(base=BasePolicy.BREAK_GLASS_ONLY)])
@pytest.mark.parametrize("is_the_older", [True, False])
def test_an_objection_of_either_holds_for_both(
    world: World, other: UUID, terms: PolicyTerms, is_the_older: bool
) -> None:
    decided(world, world.joan if is_the_older else other, terms)
    join(world)
    assert not is_shared(world.joan)
    assert not decision_of(world, world.joan).permitted
    part(world)
    assert is_shared(world.joan) is not is_the_older


@pytest.mark.parametrize("is_the_older", [True, False])
def test_what_one_permits_opens_nothing_that_the_other_did_not(world: World, other: UUID, is_the_older: bool) -> None:
    decided(world, world.joan if is_the_older else other, PSYCHIATRY_PERMITTED)
    assert shows(world, world.joan, label=PSYCHIATRY) is is_the_older
    join(world)
    assert not shows(world, world.joan, label=PSYCHIATRY)
    assert shows(world, world.joan)
    part(world)
    assert shows(world, world.joan, label=PSYCHIATRY) is is_the_older


def test_a_part_that_one_permits_is_all_that_is_shown(world: World, other: UUID) -> None:
    decided(world, world.joan, PERMITTED)
    decided(world, other, RESULTS_ONLY)
    join(world)
    assert not shows(world, world.joan)


def test_what_is_decided_since_counts_for_all_of_it(world: World, other: UUID) -> None:
    join(world)
    decided(world, world.joan, PSYCHIATRY_PERMITTED)
    assert shows(world, world.joan, label=PSYCHIATRY)
    decided(world, world.joan, RESULTS_DENIED)
    assert shows(world, world.joan, label=PSYCHIATRY)


def test_what_was_decided_while_they_were_one_goes_with_each(world: World, other: UUID) -> None:
    join(world)
    decided(world, world.joan, DENIED)
    part(world)
    assert not is_shared(world.joan)
    assert not is_shared(other)
    assert Policy.objects.filter(person_id=other).count() == 1


def test_taken_back_the_policies_in_force_are_exactly_those_of_before(world: World, other: UUID) -> None:
    decided(world, world.joan, PSYCHIATRY_PERMITTED)
    decided(world, other, RESULTS_DENIED)
    now = timezone.now()
    before = [terms_that_hold(person_id=each, now=now) for each in (world.joan, other)]
    join(world)
    part(world)
    # That of the other is in doubt again.
    assert [terms_that_hold(person_id=each, now=now) for each in (world.joan, other)] == before


def test_an_objection_of_the_other_can_be_withdrawn_where_both_are_one(world: World, other: UUID) -> None:
    objection = decided(world, other, DENIED)
    join(world)
    view = read_consent(requester=world.administrator, person_id=world.joan, now=timezone.now())
    assert (view.is_shared, view.is_joined) == (False, True)
    assert [line.policy.policy_id for line in view.in_force] == [objection]
    withdraw(world, objection)
    assert is_shared(world.joan)
    event = AuditEvent.objects.get(action="end-policy")
    assert event.person_id == world.joan


def test_who_no_longer_objects_is_asked_for_both(world: World, other: UUID) -> None:
    decided(world, other, DENIED)
    join(world)
    preview = preview_policy(requester=world.administrator, person_id=world.joan, terms=PERMITTED, now=timezone.now())
    assert not preview.is_shared
    assert record_opt_out(
        requester=world.administrator, person_id=world.joan, opted_out=False, note="By letter.", now=timezone.now()
    )
    assert is_shared(world.joan)


def test_another_decision_takes_the_place_of_one_of_the_other(world: World, other: UUID) -> None:
    objection = decided(world, other, DENIED)
    join(world)
    now = timezone.now()
    preview = preview_policy(
        requester=world.administrator, person_id=world.joan, terms=RESULTS_DENIED, replaces_id=objection, now=now
    )
    assert preview.is_shared
    record_policy(
        requester=world.administrator,
        person_id=world.joan,
        terms=RESULTS_DENIED,
        note="By letter.",
        replaces_id=objection,
        now=timezone.now(),
    )
    assert is_shared(world.joan)


def test_nothing_is_recorded_for_who_was_joined_to_another(world: World, other: UUID) -> None:
    join(world)
    with pytest.raises(Superseded):
        decided(world, other, DENIED)


def test_an_objection_that_is_loaded_by_number_reaches_who_remains(world: World, other: UUID) -> None:
    SourceRecord.objects.filter(identifier_value="d").update(nhs_number=JOAN_NUMBER, nhs_number_sent=JOAN_NUMBER)
    objection = Objection(line=2, nhs_number=JOAN_NUMBER, birth_date=None, objected_on=None, note="")

    def loaded() -> int:
        return load_objections(
            requester=world.administrator, objections=[objection], load_id=UUID(int=1), now=timezone.now()
        ).recorded

    assert loaded() == 0  # of two people nobody can tell whose it is
    join(world)
    assert loaded() == 1
    assert not is_shared(world.joan)


def test_what_either_denies_goes_with_a_record_that_is_separated_later(world: World, other: UUID) -> None:
    decided(world, world.joan, PSYCHIATRY_PERMITTED)
    decided(world, other, RESULTS_DENIED)
    join(world)
    changed = [JOAN_AGAIN[0], "d,Okoro,Ada,1980-01-01"]
    load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=changed, now=timezone.now())
    settle_review(
        requester=world.administrator,
        review_id=LinkReview.objects.get(reason="demographics-changed").id,
        decision="end-link",
        note="Rang the surgery.",
        now=timezone.now(),
    )
    made = person_of(record=SourceRecord.objects.get(identifier_value="d")).id
    (held,) = terms_that_hold(person_id=made, now=timezone.now())
    assert [(terms.root.effect, terms.root.categories) for terms in held if terms.root] == [
        (Effect.DENY, frozenset({RecordCategory.RESULTS}))
    ]


# Care


def kinds(world: World, person_id: UUID) -> set[str]:
    now = timezone.now()
    carers = carers_of(person_id=person_id, organisation_id=None, now=now)
    return {kind.value for each in (*carers.organisations.values(), *carers.users.values()) for kind in each}


def test_who_cared_for_either_cares_for_both_and_for_their_own_again(world: World, other: UUID) -> None:
    recorded(world, person_id=other)
    team_id = team(world)
    member(team_id)
    made("add-care-team-patient", team_id=team_id, person_id=other, from_date=date(2020, 1, 1))
    assert kinds(world, world.joan) == {"registered"}
    assert kinds(world, other) == {"referred", "care-team"}
    join(world)
    assert kinds(world, world.joan) == {"registered", "referred", "care-team"}
    assert kinds(world, other) == set()
    part(world)
    assert kinds(world, world.joan) == {"registered"}
    assert kinds(world, other) == {"referred", "care-team"}


def test_a_claim_on_one_is_a_claim_on_both_and_ends_with_its_own_time(world: World, other: UUID) -> None:
    claim_relationship(requester=world.outsider, person_id=other, reason="On my ward.", now=timezone.now())
    outsider = world.outsider
    of = {"organisation_id": outsider.organisation_id, "user_id": outsider.user_id}
    assert relationships_of(person_id=world.joan, **of) == []
    join(world)
    (claim,) = relationships_of(person_id=world.joan, **of)
    assert claim.ends_at is not None
    assert outsider.user_id is not None
    assert outsider.organisation_id is not None
    reach = reached_by(user_id=outsider.user_id, organisation_ids=[outsider.organisation_id], now=timezone.now())
    assert sum(reach.values()) == 1
    part(world)
    assert relationships_of(person_id=world.joan, **of) == []
    assert len(relationships_of(person_id=other, **of)) == 1


def test_care_of_the_other_can_be_ended_where_both_are_one(world: World, other: UUID) -> None:
    relationship_id = recorded(world, person_id=other)
    join(world)
    listed = list_relationships(requester=world.administrator, person_id=world.joan, now=timezone.now())
    assert relationship_id in {each.id for each in listed.relationships}
    ended(world, relationship_id)
    assert kinds(world, world.joan) == {"registered"}


# Emergencies, and who users are


def test_an_emergency_goes_on_where_both_are_one_and_covers_its_own_half_again(world: World, other: UUID) -> None:
    access = broken(world, person_id=other)
    now = timezone.now()

    def emergency(person_id: UUID) -> UUID | None:
        found = decide(
            requester=world.outsider, permission=Permission.VIEW_RECORD, person_id=person_id, now=timezone.now()
        )
        return found.emergency.id if found.emergency else None

    assert emergency(world.joan) is None
    join(world)
    assert emergency(world.joan) == access.id
    assert [each.id for each in open_to(person_id=world.joan, organisation_id=None, now=now)] == [access.id]
    part(world)
    assert (emergency(world.joan), emergency(other)) == (None, access.id)


def test_which_person_a_user_is_is_known_of_both_halves(world: World, other: UUID) -> None:
    lane, osei = world.administrator.user_id, world.clinician.user_id
    assert lane is not None
    assert osei is not None
    now = timezone.now()
    record_join(user_id=lane, person_id=other, note="Her badge.", joined_by=None, now=now)
    record_join(user_id=osei, person_id=world.joan, note="Her badge.", joined_by=None, now=now)
    access = broken(world, by=world.clinician, person_id=world.joan)
    case = reviewed_access(access_id=access.id)
    assert case is not None
    later = timezone.now()
    assert not are_one(user_id=lane, other_id=osei, now=later)
    assert not is_colleague(of=case, now=later)
    join(world)
    later = timezone.now()
    assert are_one(user_id=lane, other_id=osei, now=later)
    assert is_colleague(of=case, now=later)


# Old addresses, open pages, and who looked


def test_the_old_id_leads_to_the_record_of_both_for_who_may_see_it(world: World, other: UUID) -> None:
    join(world)
    retrieval_id = open_record(requester=world.clinician, person_id=other, now=timezone.now())
    assert Retrieval.objects.get(id=retrieval_id).person_id == world.joan
    view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    assert view.person.person_id == world.joan
    assert AuditEvent.objects.get(action="open-record").person_id == world.joan
    with pytest.raises(NotPermitted) as by_old:
        open_record(requester=world.outsider, person_id=other, now=timezone.now())
    with pytest.raises(NotPermitted) as by_new:
        open_record(requester=world.outsider, person_id=world.joan, now=timezone.now())
    assert (str(by_old.value), by_old.value.reasons) == (str(by_new.value), by_new.value.reasons)


def test_a_page_of_one_half_says_that_there_is_more(world: World, other: UUID) -> None:
    recorded(world, person_id=other)
    retrieval_id = open_record(requester=world.clinician, person_id=other, now=timezone.now())
    view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    join(world)
    for show in (view_record, check_progress):
        with pytest.raises(Superseded) as told:
            show(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
        assert told.value.code == "joined"
    part(world)
    view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())


def test_a_page_of_the_other_half_asks_to_be_shown_anew(world: World, other: UUID) -> None:
    retrieval_id = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    shown = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
    join(world)
    with pytest.raises(Superseded):
        check_progress(
            requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now(), standing=shown.standing
        )


def test_a_search_finds_the_joined_person_once(world: World, other: UUID) -> None:
    born = date(1951, 5, 4)
    assert len(find_person(requester=world.clinician, now=timezone.now(), family="Ferris", birth_date=born).people) == 2
    join(world)
    (found,) = find_person(requester=world.clinician, now=timezone.now(), family="Ferris", birth_date=born).people
    assert found.person_id == world.joan


def test_both_people_have_an_event_of_the_join_and_of_its_end(world: World, other: UUID) -> None:
    join(world)
    part(world)
    for action in ("settle-review", "take-back-review"):
        assert set(AuditEvent.objects.filter(action=action).values_list("person_id", flat=True)) == {
            world.joan,
            other,
        }
    assert AuditEvent.objects.filter(action="settle-review").first().detail["joined"] == str(other)


def looks(world: World, person_id: UUID) -> list[str]:
    report = report_access(requester=world.administrator, person_id=person_id, now=timezone.now())
    return [look.words for look in report.looks if look.words == "opened your record"]


def test_the_report_names_who_looked_at_either_half(world: World, other: UUID) -> None:
    recorded(world, person_id=other)
    open_record(requester=world.clinician, person_id=other, now=timezone.now())
    assert (len(looks(world, world.joan)), len(looks(world, other))) == (0, 1)
    join(world)
    assert len(looks(world, world.joan)) == 1
    assert len(looks(world, other)) == 1  # it is the report of both
    open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    part(world)
    # Who looked while they were one looked at both.
    assert (len(looks(world, world.joan)), len(looks(world, other))) == (1, 2)


def test_a_person_names_the_ids_that_they_replace(world: World, other: UUID) -> None:
    before = person_summary(person_id=world.joan)
    assert before is not None
    assert before.replaces == ()
    join(world)
    joined = person_summary(person_id=other)
    assert joined is not None
    assert joined.replaces == (other,)
    assert patient_resource(person=joined)["link"] == [{"other": {"reference": f"Patient/{other}"}, "type": "replaces"}]


def test_the_page_of_consent_says_that_both_hold(world: World, other: UUID) -> None:
    decided(world, other, DENIED)
    join(world)
    client = signed_in_client("ms.lane")
    for person_id in (world.joan, other):
        page = client.get(f"/people/{person_id}/consent").content.decode()
        assert "have been joined here" in page
        assert f"/people/{world.joan}/consent/decide" in page


def test_a_care_team_has_a_patient_once_and_by_the_name_of_who_remains(world: World, other: UUID) -> None:
    team_id = team(world)
    for person_id in (world.joan, other):
        made("add-care-team-patient", team_id=team_id, person_id=person_id, from_date=date(2020, 1, 1))
    join(world)
    now = timezone.now()
    summary = care_team(team_id=team_id, organisation_id=None, now=now)
    assert summary is not None
    assert summary.patient_count == 1
    patients = patients_of(team_id=team_id, now=now, start=0, count=9)
    assert {(each.of_id, each.name) for each in patients} == {(world.joan, "Joan Ferris")}
    part(world)
    assert {each.of_id for each in patients_of(team_id=team_id, now=now, start=0, count=9)} == {world.joan, other}


def test_the_audit_finds_what_was_done_with_either_half_under_the_id_of_then(world: World, other: UUID) -> None:
    recorded(world, person_id=other)
    open_record(requester=world.clinician, person_id=other, now=timezone.now())
    join(world)

    def found(person_id: UUID) -> set[UUID | None]:
        sought = Sought(person_id=person_id, stretches=stretches_of(person_id=person_id), action=Action.OPEN_RECORD)
        return {event.person_id for event in every_event(sought=sought)}

    assert found(world.joan) == {other}
    part(world)
    assert (found(world.joan), found(other)) == (set(), {other})


def test_a_page_to_which_a_join_would_add_sources_is_opened_anew(world: World) -> None:
    add_source(
        requester=operator(),
        source=NewSource(
            slug="the-ward",
            name="The Ward",
            kind="fhir_r4",
            base_url=NOWHERE,
            organisation_ods="X99102",
            organisation_name="The Ward",
            time_limit_s=2,
        ),
        check=False,
    )
    load_identities(requester=operator(), source_slug="the-ward", lines=JOAN_AGAIN, now=timezone.now())

    def opened() -> UUID:
        return open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())

    def sources(retrieval_id: UUID) -> set[str]:
        view = view_record(requester=world.clinician, retrieval_id=retrieval_id, now=timezone.now())
        return {status.name for status in view.sources if status.outcome is None}

    before = opened()
    assert sources(before) == {"The Surgery"}
    join(world)
    with pytest.raises(Superseded) as told:
        sources(before)
    assert told.value.code == "joined"
    whole = opened()
    assert sources(whole) == {"The Surgery", "The Ward"}
    part(world)
    assert sources(before) == {"The Surgery"}
    # What came of the other's record is not shown under the one to whom it no longer belongs.
    assert sources(whole) == {"The Surgery"}
