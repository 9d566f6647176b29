"""What the scopes of a token let us read."""

from __future__ import annotations

import pytest

from connectors.fhir_r4.scopes import readable_types


@pytest.mark.parametrize(
    ("scope", "types"),
    [
        ("", None),
        ("openid https://hospital.example/.default", None),
        ("system/*.rs", None),
        ("system/*.read system/Patient.rs", None),
        ("system/*.* launch", None),
        ("system/*.cruds", None),
        (
            "system/Patient.rs system/Observation.read user/Flag.s patient/Goal.r system/Task.*",
            "Patient Observation Flag Task",  # who may only read a Goal is not given any that is searched for
        ),
        ("system/Patient.rs system/Condition.cud system/Goal.write system/*.write", "Patient"),
        ("system/Patient.rs system/Observation.rs?category=laboratory", "Patient"),
        ("system/*.rs?_security=N system/Patient.rs", "Patient"),
        ("system/Patient.write", ""),
        ("system/Patient", None),
    ],
)
def test_what_a_scope_lets_us_read_is_told_by_its_types(scope: str, types: str | None) -> None:
    assert readable_types(scope=scope) == (None if types is None else frozenset(types.split()))
