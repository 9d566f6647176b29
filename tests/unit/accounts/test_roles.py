"""May I press this button: roles, and the requester that every service takes."""

from __future__ import annotations

import pytest

from aggregator.accounts.requester import PurposeOfUse, anonymous, not_chosen, operator
from aggregator.accounts.roles import MEMBERSHIP_ROLES, PERMISSIONS, Permission, Role, role_may
from tests.factories import requester

SEES_RECORDS = {Role.CLINICIAN, Role.NURSE, Role.PHARMACIST, Role.SOCIAL_CARE}


@pytest.mark.parametrize("role", Role)
def test_each_role_may_what_is_listed_and_nothing_else(role: Role) -> None:
    listed = PERMISSIONS.get(role, frozenset())
    assert {permission for permission in Permission if requester(role=role).may(permission)} == listed
    assert {permission for permission in Permission if role_may(role=role, permission=permission)} == listed


def test_clinical_content_is_for_those_who_treat_and_the_systems_that_they_use() -> None:
    seeing = {role for role in Role if role_may(role=role, permission=Permission.VIEW_RECORD)}
    assert seeing == SEES_RECORDS | {Role.CLIENT}


def test_nobody_who_gives_access_sees_clinical_content() -> None:
    giving = {Permission.MANAGE_CONSENT, Permission.MANAGE_RELATIONSHIPS, Permission.MANAGE_USERS}
    for role, listed in PERMISSIONS.items():
        assert not (giving & listed and Permission.VIEW_RECORD in listed), role


def test_only_the_programme_acts_for_organisations_that_are_not_its_own() -> None:
    anywhere = {role for role in Role if role_may(role=role, permission=Permission.ANY_ORGANISATION)}
    assert anywhere == {Role.PROGRAMME_ADMINISTRATOR, Role.OPERATOR}


def test_a_command_on_the_machine_is_nobody_in_particular_and_cannot_read_a_record() -> None:
    assert operator().user_id is None
    assert operator().organisation_id is None
    assert operator().purpose is PurposeOfUse.OPERATIONS
    assert not operator().may(Permission.VIEW_RECORD)


def test_who_has_not_signed_in_or_not_chosen_a_role_may_do_nothing() -> None:
    for nobody in (anonymous(), not_chosen(user_id=requester().membership_id)):  # type: ignore[arg-type]
        assert not any(nobody.may(permission) for permission in Permission)
        assert nobody.asker_id is None


def test_nobody_signs_in_as_a_machine_or_as_the_operator_of_this_service() -> None:
    assert set(Role) - set(MEMBERSHIP_ROLES) == {Role.CLIENT, Role.OPERATOR, Role.NOT_CHOSEN, Role.ANONYMOUS}
