"""Every service stands in `acting`, leaves an event in the audit, and every refusal one that stays."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import secrets
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from aggregator import services
from aggregator.accounts.authentication import SignedIn
from aggregator.accounts.requester import PurposeOfUse, Requester, anonymous, operator
from aggregator.accounts.roles import Role
from aggregator.audit.models import AuditEvent
from aggregator.consent.objection_file import Objection
from aggregator.consent.operations import write_policy
from aggregator.consent.terms import BasePolicy, Effect, PolicyTerms, Provision
from aggregator.errors import Invalid, LongviewError, NotPermitted, Superseded
from aggregator.federation.models import SourceOutcome
from aggregator.mpi.models import LinkReview
from aggregator.services.add_source import NewSource, add_source
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.check_progress import check_progress
from aggregator.services.choose_membership import choose_membership
from aggregator.services.clients.check_client import check_client
from aggregator.services.clients.end_client import end_client
from aggregator.services.clients.issue_token import TokenRequest, issue_token
from aggregator.services.clients.list_clients import list_clients
from aggregator.services.clients.register_client import register_client
from aggregator.services.end_policy import end_policy
from aggregator.services.fetch_document import fetch_document
from aggregator.services.find_person import find_person
from aggregator.services.list_reviews import list_reviews
from aggregator.services.load_identities import load_identities
from aggregator.services.load_objections import load_objections
from aggregator.services.open_record import open_record
from aggregator.services.preview_access import PreviewReason, preview_access
from aggregator.services.preview_policy import preview_policy
from aggregator.services.read_consent import read_consent
from aggregator.services.read_person import read_person
from aggregator.services.read_policy import read_policy
from aggregator.services.read_review import read_review
from aggregator.services.record_opt_out import record_opt_out
from aggregator.services.record_policy import record_policy
from aggregator.services.relationships.load_relationships import load_relationships
from aggregator.services.settle_review import settle_review
from aggregator.services.sign_in import sign_in
from aggregator.services.sign_out import sign_out
from aggregator.services.take_back_review import take_back_review
from aggregator.services.undo_objections import undo_objections
from aggregator.services.view_record import view_record
from connectors.contract.outcomes import Outcome
from launcher.load_region import load_region
from tests import access_acts, alert_acts, break_glass_acts, relationship_acts, source_acts
from tests.break_glass_acts import request_with_session
from tests.integration.services.test_showing import answered
from tests.machine import new_client, token_form
from tests.signing import CLIENT, claims, signed
from tests.unit.record.test_files import letter
from tests.world import (
    IDENTITIES,
    JOAN_BORN,
    NOBODYS_NUMBER,
    NOWHERE,
    PASSWORD,
    SOURCE_SLUG,
    SURGERY_ODS,
    World,
    make_world,
)

# Modules whose functions are no acts of their own, each with its reason.
NO_ACTS = {
    "registering": "checks and writes for the services that register sources",
    "examining": "examines and counts for the services that hold systems against their standard",
    "trials_at_once": "counts for the services that have sources tried",
    "carried_decisions": "records what goes with a record that the services that call it move",
    "cases": "reads what is known of cases for the services that call it",
    "stretches": "says when a record was linked to somebody else, for the services that read the audit",
    "standing": "marks what a showing stands on, for the services that show and check it",
    "policy_lines": "reads names for the services that call it, and checks what they are about to write",
    "follow_record": "shows nothing, and its tickets are given out with a page that a showing has allowed",
}
# Acts that return no content: only a refusal leaves an event.
ONLY_REFUSALS = {"check_client", "check_progress", *source_acts.ONLY_REFUSALS}

SOURCE = NewSource(
    slug="another", name="Another", kind="fhir_r4", base_url=NOWHERE, organisation_ods="X1", organisation_name="X"
)
USER = NewUser(
    username="new", password=PASSWORD, family="N", given="N", organisation_ods=SURGERY_ODS, role=Role.CLINICIAN
)
WRONG_USER = NewUser(
    username="new", password="short", family="N", given="N", organisation_ods=SURGERY_ODS, role=Role.CLINICIAN
)


def session_of(requester: Requester) -> SignedIn:
    assert requester.user_id
    return SignedIn(user_id=requester.user_id, choices=(requester,), requester=requester)


def choose(world: World, *, of: Requester) -> None:
    """Have the clinician choose somebody's membership."""
    assert of.membership_id
    choose_membership(
        request=request_with_session(),
        signed_in=session_of(world.clinician),
        membership_id=of.membership_id,
        now=timezone.now(),
    )


def opened(world: World) -> None:
    retrieval = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    view_record(requester=world.clinician, retrieval_id=retrieval, now=timezone.now())


def checked(world: World) -> None:
    retrieval = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    check_progress(requester=world.clinician, retrieval_id=retrieval, now=timezone.now())


def doubt_about(world: World) -> UUID:
    """Have Joan's surgery say another birth date of her, once; return the doubt that this raises."""
    if not LinkReview.objects.filter(person_id=world.joan).exists():
        changed = IDENTITIES.replace("1951-05-04", "1980-01-01").splitlines()
        load_identities(requester=operator(), source_slug=SOURCE_SLUG, lines=changed, now=timezone.now())
    return LinkReview.objects.get(person_id=world.joan).id


def settled(world: World) -> UUID:
    review = doubt_about(world)
    if LinkReview.objects.filter(id=review, settled_at__isnull=True).exists():
        settle_review(
            requester=world.administrator,
            review_id=review,
            decision="take-new-values",
            note="Told by telephone.",
            now=timezone.now(),
        )
    return review


def fetched(world: World) -> None:
    """Ask the surgery for a letter that it only named."""
    # What was asked before is over, or the new question would join it.
    SourceOutcome.objects.filter(outcome__isnull=True).update(outcome=Outcome.TIMED_OUT, ended_at=timezone.now())
    with redis.Redis.from_url(settings.HELD_REDIS_URL) as client:
        view = answered(world, client, letter({"url": "Binary/b"}))
    (entry_key,) = view.record.entries
    fetch_document(
        requester=world.clinician,
        retrieval_id=view.retrieval_id,
        entry_key=entry_key,
        number=1,
        now=timezone.now(),
    )


def register() -> str:
    """Register a system under an id of its own."""
    client = new_client(oauth_id=f"system-{secrets.token_hex(4)}")
    register_client(requester=operator(), client=client, now=timezone.now())
    return client.oauth_id


def ended(oauth_id: str) -> None:
    end_client(requester=operator(), oauth_id=oauth_id, reason="By telephone.", now=timezone.now())


def asked(oauth_id: str) -> TokenRequest:
    form = token_form(signed(claims(timezone.now(), iss=oauth_id, sub=oauth_id)))
    return TokenRequest(
        grant_type=form["grant_type"],
        assertion_type=form["client_assertion_type"],
        assertion=form["client_assertion"],
        client_id="",
        scope=form["scope"],
    )


LOAD = UUID(int=6)
OF_NOBODY = Objection(line=2, nhs_number=NOBODYS_NUMBER, birth_date=None, objected_on=None, note="By telephone.")


def loaded_and_undone(world: World) -> None:
    load_objections(requester=operator(), objections=[OF_NOBODY], load_id=LOAD, now=timezone.now())
    undo_objections(requester=operator(), load_id=LOAD, most=1, now=timezone.now())


CALLS: dict[str, Callable[[World], object]] = {
    "add_source": lambda world: add_source(requester=operator(), source=SOURCE, check=False),
    "add_user": lambda world: add_user(requester=operator(), user=USER, now=timezone.now()),
    "check_client": lambda world: check_client(requester=operator(), client=new_client(oauth_id="not-yet")),
    "check_progress": checked,
    "end_client": lambda world: ended(register()),
    "end_policy": lambda world: end_policy(
        requester=world.administrator, policy_id=objection_of(world.joan), note="By telephone.", now=timezone.now()
    ),
    "fetch_document": fetched,
    "choose_membership": lambda world: choose(world, of=world.clinician),
    "find_person": lambda world: find_person(
        requester=world.clinician, now=timezone.now(), family="Ferris", birth_date=JOAN_BORN
    ),
    "issue_token": lambda world: issue_token(request=asked(register()), now=timezone.now()),
    "list_clients": lambda world: list_clients(requester=operator(), now=timezone.now()),
    "list_reviews": lambda world: list_reviews(requester=world.administrator),
    "load_identities": lambda world: load_identities(
        requester=operator(), source_slug=SOURCE_SLUG, lines=["nhs_number"], now=timezone.now()
    ),
    "load_objections": lambda world: load_objections(
        requester=operator(), objections=[OF_NOBODY], load_id=LOAD, now=timezone.now()
    ),
    "load_relationships": lambda world: load_relationships(
        requester=operator(), source_slug=SOURCE_SLUG, lines=["local_id,kind,from_date"], now=timezone.now()
    ),
    "open_record": lambda world: open_record(requester=world.clinician, person_id=world.joan, now=timezone.now()),
    "preview_access": lambda world: preview_access(
        requester=world.administrator,
        person_id=world.joan,
        username="dr.osei",
        purpose=PurposeOfUse.TREATMENT,
        reason=PreviewReason.COMPLAINT,
        now=timezone.now(),
    ),
    "preview_policy": lambda world: preview_policy(
        requester=world.administrator, person_id=world.joan, terms=OBJECTION, now=timezone.now()
    ),
    "read_consent": lambda world: read_consent(requester=world.administrator, person_id=world.joan, now=timezone.now()),
    "read_person": lambda world: read_person(requester=world.clinician, person_id=world.joan, now=timezone.now()),
    "read_policy": lambda world: read_policy(
        requester=world.administrator, policy_id=objection_of(world.joan), now=timezone.now()
    ),
    "read_review": lambda world: read_review(requester=world.administrator, review_id=doubt_about(world)),
    "record_opt_out": lambda world: record_opt_out(
        requester=world.administrator, person_id=world.nobodys, opted_out=True, note="By telephone.", now=timezone.now()
    ),
    "register_client": lambda world: register(),
    "record_policy": lambda world: record_policy(
        requester=world.administrator, person_id=world.joan, terms=OBJECTION, note="By telephone.", now=timezone.now()
    ),
    "settle_review": settled,
    "sign_in": lambda world: sign_in(
        request=request_with_session(), username="dr.osei", password=PASSWORD, now=timezone.now()
    ),
    "sign_out": lambda world: sign_out(
        request=request_with_session(), signed_in=session_of(world.clinician), now=timezone.now()
    ),
    "take_back_review": lambda world: take_back_review(
        requester=world.administrator, review_id=settled(world), now=timezone.now()
    ),
    "undo_objections": loaded_and_undone,
    "view_record": opened,
    **break_glass_acts.CALLS,
    **relationship_acts.CALLS,
    **access_acts.CALLS,
    **alert_acts.CALLS,
    **source_acts.CALLS,
}

# To one purpose, which keeps nobody from treating the patient.
OBJECTION = PolicyTerms(
    base=BasePolicy.DENY, root=Provision(effect=Effect.DENY, purposes=frozenset({PurposeOfUse.RESEARCH}))
)


def objection_of(person_id: UUID) -> UUID:
    """Have somebody object; return the decision."""
    return write_policy(person_id=person_id, terms=OBJECTION, note="", user_id=None, now=timezone.now())


REFUSED: dict[str, Callable[[World], object]] = {
    "add_source": lambda world: add_source(requester=world.clinician, source=SOURCE),
    "add_user": lambda world: add_user(requester=operator(), user=WRONG_USER, now=timezone.now()),
    "check_client": lambda world: check_client(requester=world.administrator, client=new_client()),
    "check_progress": lambda world: check_progress(requester=world.clinician, retrieval_id=uuid4(), now=timezone.now()),
    "end_client": lambda world: end_client(
        requester=world.administrator, oauth_id=CLIENT, reason="By telephone.", now=timezone.now()
    ),
    "end_policy": lambda world: end_policy(
        requester=world.administrator, policy_id=uuid4(), note="By telephone.", now=timezone.now()
    ),
    "fetch_document": lambda world: fetch_document(
        requester=world.clinician, retrieval_id=uuid4(), entry_key="0" * 20, number=1, now=timezone.now()
    ),
    "choose_membership": lambda world: choose(world, of=world.outsider),
    "find_person": lambda world: find_person(requester=anonymous(), now=timezone.now(), nhs_number="9990001006"),
    "issue_token": lambda world: issue_token(request=asked("nobody-s-system"), now=timezone.now()),
    "list_clients": lambda world: list_clients(requester=world.administrator, now=timezone.now()),
    "list_reviews": lambda world: list_reviews(requester=world.clinician),
    "load_identities": lambda world: load_identities(
        requester=world.administrator, source_slug=SOURCE_SLUG, lines=[], now=timezone.now()
    ),
    "load_relationships": lambda world: load_relationships(
        requester=operator(), source_slug="none", lines=[], now=timezone.now()
    ),
    "load_objections": lambda world: load_objections(
        requester=world.clinician, objections=[OF_NOBODY], load_id=LOAD, now=timezone.now()
    ),
    "open_record": lambda world: open_record(requester=world.outsider, person_id=world.joan, now=timezone.now()),
    "preview_access": lambda world: preview_access(
        requester=world.administrator,
        person_id=world.joan,
        username="nobody",
        purpose=PurposeOfUse.TREATMENT,
        reason=PreviewReason.COMPLAINT,
        now=timezone.now(),
    ),
    "preview_policy": lambda world: preview_policy(
        requester=world.clinician, person_id=world.joan, terms=OBJECTION, now=timezone.now()
    ),
    "read_consent": lambda world: read_consent(requester=world.clinician, person_id=world.joan, now=timezone.now()),
    "read_person": lambda world: read_person(requester=world.clinician, person_id=uuid4(), now=timezone.now()),
    "read_policy": lambda world: read_policy(requester=world.administrator, policy_id=uuid4(), now=timezone.now()),
    "read_review": lambda world: read_review(requester=world.clinician, review_id=uuid4()),
    "record_opt_out": lambda world: record_opt_out(
        requester=world.administrator, person_id=world.joan, opted_out=True, note=" ", now=timezone.now()
    ),
    "register_client": lambda world: register_client(
        requester=world.administrator, client=new_client(), now=timezone.now()
    ),
    "record_policy": lambda world: record_policy(
        requester=world.administrator, person_id=world.joan, terms=OBJECTION, note=" ", now=timezone.now()
    ),
    "settle_review": lambda world: settle_review(
        requester=operator(), review_id=uuid4(), decision="noted", note="Joan Ferris", now=timezone.now()
    ),
    "sign_in": lambda world: sign_in(
        request=request_with_session(), username="dr.osei", password="wrong", now=timezone.now()
    ),
    "take_back_review": lambda world: take_back_review(
        requester=world.clinician, review_id=uuid4(), now=timezone.now()
    ),
    "undo_objections": lambda world: undo_objections(
        requester=world.clinician, load_id=LOAD, most=1, now=timezone.now()
    ),
    "view_record": lambda world: view_record(requester=world.clinician, retrieval_id=uuid4(), now=timezone.now()),
    **access_acts.REFUSED,
    **alert_acts.REFUSED,
    **break_glass_acts.REFUSED,
    **relationship_acts.REFUSED,
    **source_acts.REFUSED,
}


def last_event() -> int:
    return AuditEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


# Where each verb's module is: beside the others, or in the folder of its area.
MODULES = {
    module.name.rpartition(".")[2]: module.name
    for module in pkgutil.walk_packages(services.__path__, prefix=f"{services.__name__}.")
    if not module.ispkg
}


def public_functions(name: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    source = inspect.getsource(import_module(MODULES[name]))
    return [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]


def block_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.Call | None:
    """Return the call of `acting` in whose block a function stands, None when it does something else first.

    Before the block may stand the docstring and the name of its subject, which calls nothing but `Subject`.
    """
    first, *rest = function.body[1:] if ast.get_docstring(function) else function.body
    if isinstance(first, ast.Assign) and ast.unparse(first).startswith("about = Subject("):
        first, *_ = rest
    if not isinstance(first, ast.With) or not isinstance(first.items[0].context_expr, ast.Call):
        return None
    call = first.items[0].context_expr
    return call if ast.unparse(call.func) == "acting" else None


def test_every_service_is_called_here() -> None:
    assert set(CALLS) | set(NO_ACTS) == set(MODULES)
    assert set(NO_ACTS) | {"sign_out"} | set(REFUSED) == set(MODULES)


@pytest.mark.parametrize("name", sorted(set(CALLS)))
def test_a_service_is_one_function_that_stands_in_acting_under_its_own_name(name: str) -> None:
    (function,) = public_functions(name)
    assert function.name == name
    call = block_of(function)
    assert call is not None
    assert ast.unparse(call.args[1]) == f"Action.{name.upper()}"
    assert "needs" in {keyword.arg for keyword in call.keywords}


@pytest.mark.parametrize(
    "body",
    [
        "return 1",
        "with transaction.atomic(): pass",
        "do_it()\n    with acting(requester, Action.X, needs=None): pass",
        "'Do it.'\n    do_it()\n    with acting(requester, Action.X, needs=None): pass",
        "about = look_up()\n    with acting(requester, Action.X, needs=None): pass",
        "if requester:\n        with acting(requester, Action.X, needs=None): pass",
    ],
)
def test_one_that_does_not_is_found_out(body: str) -> None:
    (function,) = ast.parse(f"def do(requester):\n    {body}").body
    assert isinstance(function, ast.FunctionDef)
    assert block_of(function) is None


def test_what_loads_a_region_does_it_through_services(tmp_path: Path) -> None:
    with pytest.raises(LongviewError, match="region"):
        load_region(requester=operator(), folder=tmp_path, addresses={}, password_for=lambda _: "", now=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_is_audited_as_a_success(name: str) -> None:
    world = make_world()
    before = last_event()
    CALLS[name](world)
    succeeded = AuditEvent.objects.filter(seq__gt=before, outcome="success").order_by("seq")
    actions = list(succeeded.values_list("action", flat=True))
    if name in ONLY_REFUSALS:
        assert name.replace("_", "-") not in actions
    else:
        assert actions[-1] == name.replace("_", "-")


# What each event names in columns of its own. The person is Joan, but where another is named.
SUBJECTS = {
    "report_access": {"person_id"},
    "add_source": {"source_id"},
    "end_policy": {"person_id"},
    "fetch_document": {"entry", "person_id", "retrieval_id", "source_id"},
    "find_person": {"person_id"},
    "load_identities": {"source_id"},
    "load_objections": {"person_id"},
    "load_relationships": {"source_id"},
    "open_record": {"person_id", "retrieval_id"},
    "preview_access": {"person_id"},
    "preview_policy": {"person_id"},
    "read_consent": {"person_id"},
    "read_person": {"person_id"},
    "read_policy": {"person_id"},
    "read_review": {"person_id"},
    "record_opt_out": {"person_id"},
    "record_policy": {"person_id"},
    "settle_review": {"person_id"},
    "take_back_review": {"person_id"},
    "undo_objections": {"person_id"},
    "view_record": {"person_id", "retrieval_id"},
    **{name: {"source_id"} for name in source_acts.ABOUT_A_SOURCE},
    **{name: {"person_id"} for name in break_glass_acts.ABOUT_A_PERSON | relationship_acts.ABOUT_A_PERSON},
}
# About whom nobody cares for: who objects altogether, or is doubtful, is of no use to other calls.
ABOUT_NOBODYS = {"end_user_join", "join_user", "load_objections", "record_opt_out", "undo_objections"}
REFUSED_SUBJECTS = {
    "report_access": {"person_id"},
    "check_progress": {"retrieval_id"},
    "fetch_document": {"entry", "retrieval_id"},
    "open_record": {"person_id"},
    "preview_access": {"person_id"},
    "preview_policy": {"person_id"},
    "read_consent": {"person_id"},
    "record_opt_out": {"person_id"},
    "record_policy": {"person_id"},
    "view_record": {"retrieval_id"},
    **{name: {"source_id"} for name in source_acts.REFUSED_ABOUT_A_SOURCE},
    **{name: {"person_id"} for name in relationship_acts.REFUSED_ABOUT_A_PERSON},
    **{name: {"person_id"} for name in break_glass_acts.REFUSED_ABOUT_A_PERSON},
}
# What first shows a record is refused as that showing is.
REFUSED_AS = {"fetch_document": "view_record"}
COLUMNS = ("person_id", "source_id", "retrieval_id", "entry")


def named(event: AuditEvent) -> set[str]:
    return {column for column in COLUMNS if getattr(event, column) is not None}


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(CALLS) - ONLY_REFUSALS))
def test_an_event_names_what_the_act_was_about(name: str) -> None:
    world = make_world()
    before = last_event()
    CALLS[name](world)
    event = AuditEvent.objects.filter(seq__gt=before, outcome="success").latest("seq")
    assert named(event) == SUBJECTS.get(name, set())
    if "person_id" in named(event):
        assert event.person_id == (world.nobodys if name in ABOUT_NOBODYS else world.joan)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_names_what_it_was_about(name: str) -> None:
    world = make_world()
    with pytest.raises(LongviewError):
        REFUSED[name](world)
    event = AuditEvent.objects.latest("seq")
    assert named(event) == REFUSED_SUBJECTS.get(name, set())
    assert event.person_id in {None, world.joan}


@pytest.mark.django_db(transaction=True)
def test_a_refusal_about_a_doubt_or_a_showing_names_the_person_once_they_are_known() -> None:
    world = make_world()
    review = doubt_about(world)
    with pytest.raises(Invalid):
        settle_review(
            requester=world.administrator, review_id=review, decision="nonsense", note="x", now=timezone.now()
        )
    with pytest.raises(Superseded):
        take_back_review(requester=world.administrator, review_id=review, now=timezone.now())
    settled_wrongly, taken_back = reversed(AuditEvent.objects.order_by("-seq")[:2])
    assert (settled_wrongly.outcome, taken_back.outcome) == ("failed", "failed")
    assert {settled_wrongly.person_id, taken_back.person_id} == {world.joan}
    assert settled_wrongly.detail["review"] == taken_back.detail["review"] == str(review)
    retrieval = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())
    record_opt_out(
        requester=world.administrator, person_id=world.joan, opted_out=True, note="By letter.", now=timezone.now()
    )
    for service in (view_record, check_progress):
        with pytest.raises(NotPermitted):
            service(requester=world.clinician, retrieval_id=retrieval, now=timezone.now())
        event = AuditEvent.objects.latest("seq")
        assert (event.outcome, event.person_id, event.retrieval_id) == ("refused", world.joan, retrieval)
        assert event.detail["gates"] == ["consent"]


@pytest.mark.django_db
def test_each_person_found_and_each_side_of_a_doubt_gets_an_event() -> None:
    world = make_world()
    before = last_event()
    find_person(requester=world.clinician, now=timezone.now(), family="Ferris", birth_date=JOAN_BORN)
    find_person(requester=world.clinician, now=timezone.now(), family="Nobody", birth_date=JOAN_BORN)
    events = AuditEvent.objects.filter(seq__gt=before).order_by("seq")
    assert [(event.person_id, event.detail) for event in events] == [
        (world.joan, {"by": "name", "found": 1}),
        (None, {"by": "name", "found": 0}),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_is_audited_and_stays(name: str) -> None:
    world = make_world()
    before = last_event()
    with pytest.raises(LongviewError):
        REFUSED[name](world)
    (event,) = AuditEvent.objects.filter(seq__gt=before)
    assert event.action == REFUSED_AS.get(name, name).replace("_", "-")
    assert event.outcome in {"refused", "failed"}


@pytest.mark.django_db
def test_no_event_holds_a_name_or_a_number() -> None:
    world = make_world()
    before = last_event()
    for call in CALLS.values():
        call(world)
    for call in REFUSED.values():
        with pytest.raises(LongviewError):
            call(world)
    for event in AuditEvent.objects.filter(seq__gt=before):
        written = bytes(event.body).decode()
        for identifying in ("Ferris", "Joan", "9990001006", "telephone", PASSWORD):
            assert identifying not in written


@pytest.mark.django_db
def test_a_showing_that_cannot_be_audited_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world()
    retrieval = open_record(requester=world.clinician, person_id=world.joan, now=timezone.now())

    def refuses(**_: object) -> int:
        raise RuntimeError("the audit is full")

    monkeypatch.setattr("aggregator.acting.operations.append", refuses)
    with pytest.raises(RuntimeError):
        view_record(requester=world.clinician, retrieval_id=retrieval, now=timezone.now())


@pytest.mark.django_db
def test_a_refusal_tells_the_first_gate_and_the_audit_all_that_refused() -> None:
    world = make_world()
    with pytest.raises(NotPermitted) as refused:
        open_record(requester=world.outsider, person_id=world.peter, now=timezone.now())
    assert len(refused.value.reasons) == 1
