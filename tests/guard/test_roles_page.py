"""The table of roles in the documentation says what the code lets each do."""

from __future__ import annotations

from pathlib import Path

from aggregator.accounts.roles import PERMISSIONS, Permission, Role, role_may

PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"


def test_the_table_of_roles_is_what_the_code_does() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text().splitlines() if "|" in line
    ]
    (_, *roles), _, *table = rows
    assert roles == [role.words for role in Role if PERMISSIONS.get(role)]
    said = {may: [cell == "yes" for cell in cells] for may, *cells in table}
    assert said == {
        permission.words: [role_may(role=role, permission=permission) for role in Role if PERMISSIONS.get(role)]
        for permission in Permission
    }
