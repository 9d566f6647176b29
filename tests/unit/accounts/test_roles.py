"""May I press this button: roles, and the requester that every service takes."""

from __future__ import annotations

import pytest

from aggregator.accounts.requester import PurposeOfUse, anonymous, operator
from aggregator.accounts.roles import PERMISSIONS, Permission, Role, role_may
from tests.factories import requester

EXPECTED = {
    Role.CLINICIAN: "find-person view-record",
    Role.ADMINISTRATOR: "find-person manage-consent view-sources review-links",
    Role.OPERATOR: "view-sources manage-sources load-identities manage-users manage-consent review-links",
    Role.ANONYMOUS: "",
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_each_role_may_what_is_listed_and_nothing_else(role: Role, permission: Permission) -> None:
    assert role_may(role=role, permission=permission) == (permission in EXPECTED[role].split())
    assert requester(role=role).may(permission) == role_may(role=role, permission=permission)


def test_only_clinicians_see_clinical_content() -> None:
    assert {role for role, listed in PERMISSIONS.items() if Permission.VIEW_RECORD in listed} == {Role.CLINICIAN}


def test_a_command_on_the_machine_is_nobody_in_particular_and_cannot_read_a_record() -> None:
    assert operator().user_id is None
    assert operator().organisation_id is None
    assert operator().purpose is PurposeOfUse.OPERATIONS
    assert not operator().may(Permission.VIEW_RECORD)
    assert not any(anonymous().may(permission) for permission in Permission)
