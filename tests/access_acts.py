"""Each service about accounts and changes of access, called once well and once in vain, for tests/guard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

from django.test import override_settings
from django.utils import timezone

from aggregator.accounts.models import Membership, User
from aggregator.accounts.requester import Requester, operator
from aggregator.accounts.roles import Role
from aggregator.services.add_user import NewUser, add_user
from aggregator.services.audit.export_audit import export_audit
from aggregator.services.audit.find_audit_events import find_audit_events
from aggregator.services.audit.report_access import report_access
from aggregator.services.audit.search_audit import AuditQuestion, search_audit
from aggregator.services.changes.confirm_change import confirm_change
from aggregator.services.changes.list_changes import list_changes
from aggregator.services.changes.propose_change import Proposed, propose_change
from aggregator.services.changes.reject_change import reject_change
from aggregator.services.terminology.load_terminology import load_terminology
from aggregator.services.users.change_name import change_name
from aggregator.services.users.close_account import close_account
from aggregator.services.users.end_membership import end_membership
from aggregator.services.users.list_users import list_users
from aggregator.services.users.load_users import load_users
from aggregator.services.users.read_user import read_user
from tests.world import PASSWORD, SURGERY_ODS, World, requester_named

Call = Callable[[World], object]
SECOND = "mr.second"
USERS = ["username,given,family,role,organisation_ods,until_date", f"dr.new,N,N,nurse,{SURGERY_ODS},2099-01-01"]


def propose(world: World, *, role: str = "nurse") -> Proposed:
    terms = {"username": "dr.osei", "organisation_ods": SURGERY_ODS, "role": role}
    return propose_change(
        requester=world.administrator, kind="add-membership", terms=terms, reason="Needed.", now=timezone.now()
    )


def proposed(world: World, *, role: str) -> UUID:
    change_id = propose(world, role=role).change_id
    assert change_id is not None
    return change_id


def add_second_administrator() -> None:
    if not User.objects.filter(username=SECOND).exists():
        second = NewUser(
            username=SECOND,
            password=PASSWORD,
            family="Second",
            given="Sam",
            organisation_ods=SURGERY_ODS,
            role=Role.ADMINISTRATOR,
        )
        add_user(requester=operator(), user=second, now=timezone.now())


def confirm(world: World) -> None:
    change_id = proposed(world, role="pharmacist")
    add_second_administrator()
    confirm_change(requester=requester_named(SECOND), change_id=change_id, now=timezone.now())


def clinician(world: World) -> UUID:
    assert world.clinician.user_id is not None
    return world.clinician.user_id


def renamed(world: World, *, by: Requester, **changes: str) -> None:
    """Give Dr Osei another surname."""
    name = {"title": "Dr", "given": "Ama", "family": "Boateng", "reason": "Married.", **changes}
    change_name(requester=by, user_id=clinician(world), now=timezone.now(), **name)


def leaver() -> Membership:
    """Return the membership of somebody who is leaving, and whom nothing else here is about."""
    if not User.objects.filter(username="dr.leaver").exists():
        new = NewUser(
            username="dr.leaver",
            password=PASSWORD,
            family="Leaver",
            given="Lee",
            organisation_ods=SURGERY_ODS,
            role=Role.CLINICIAN,
        )
        add_user(requester=operator(), user=new, now=timezone.now())
    return Membership.objects.get(user__username="dr.leaver")


def end(world: World, *, membership_id: UUID) -> None:
    end_membership(requester=world.administrator, membership_id=membership_id, reason="Left.", now=timezone.now())


def terminology(world: World) -> None:
    with TemporaryDirectory() as folder, override_settings(TERMINOLOGY_FILE=Path(folder) / "terminology.json"):
        load_terminology(requester=operator())


def find_events(requester: Requester) -> None:
    find_audit_events(
        requester=requester,
        person_id=None,
        user_id=None,
        from_at=None,
        until_at=None,
        before=None,
        count=5,
        base="https://record.example/fhir",
    )


CALLS: dict[str, Call] = {
    "close_account": lambda world: close_account(
        requester=world.administrator, user_id=leaver().user_id, reason="Left.", now=timezone.now()
    ),
    "confirm_change": confirm,
    "end_membership": lambda world: end(world, membership_id=leaver().id),
    "export_audit": lambda world: export_audit(requester=operator(), first_day=None, last_day=None),
    "list_changes": lambda world: list_changes(requester=world.administrator, now=timezone.now()),
    "list_users": lambda world: list_users(requester=world.administrator, now=timezone.now()),
    "load_terminology": terminology,
    "change_name": lambda world: renamed(world, by=world.administrator),
    "load_users": lambda world: load_users(requester=operator(), lines=USERS, now=timezone.now()),
    "propose_change": propose,
    "read_user": lambda world: read_user(requester=world.administrator, user_id=clinician(world), now=timezone.now()),
    "find_audit_events": lambda world: find_events(operator()),
    "report_access": lambda world: report_access(
        requester=world.administrator, person_id=world.joan, now=timezone.now()
    ),
    "search_audit": lambda world: search_audit(requester=operator(), question=AuditQuestion(), now=timezone.now()),
    "reject_change": lambda world: reject_change(
        requester=world.administrator,
        change_id=proposed(world, role="social-care"),
        reason="A slip.",
        now=timezone.now(),
    ),
}
REFUSED: dict[str, Call] = {
    "close_account": lambda world: close_account(
        requester=world.clinician, user_id=uuid4(), reason="Left.", now=timezone.now()
    ),
    "confirm_change": lambda world: confirm_change(
        requester=world.administrator, change_id=uuid4(), now=timezone.now()
    ),
    "export_audit": lambda world: export_audit(requester=world.clinician, first_day=None, last_day=None),
    "end_membership": lambda world: end(world, membership_id=world.administrator.membership_id or uuid4()),
    "list_changes": lambda world: list_changes(requester=world.clinician, now=timezone.now()),
    "list_users": lambda world: list_users(requester=world.clinician, now=timezone.now()),
    "load_terminology": lambda world: load_terminology(requester=world.administrator),
    "change_name": lambda world: renamed(world, by=world.clinician),
    "load_users": lambda world: load_users(requester=world.administrator, lines=USERS, now=timezone.now()),
    "propose_change": lambda world: propose(world, role="anything"),
    "read_user": lambda world: read_user(requester=world.administrator, user_id=uuid4(), now=timezone.now()),
    "find_audit_events": lambda world: find_events(world.administrator),
    "report_access": lambda world: report_access(requester=world.clinician, person_id=world.joan, now=timezone.now()),
    "search_audit": lambda world: search_audit(
        requester=world.administrator, question=AuditQuestion(), now=timezone.now()
    ),
    "reject_change": lambda world: reject_change(
        requester=world.administrator, change_id=uuid4(), reason="A slip.", now=timezone.now()
    ),
}
