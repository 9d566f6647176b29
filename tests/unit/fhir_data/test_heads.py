"""What an entry says it is, read off its head."""

from __future__ import annotations

import pytest

from fhir_data.heads import may_be

PATIENT = ("Patient",)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (b'{"resourceType":"Patient"}', True),
        (b'{"resourceType":"Observation","contained":[{"resourceType":"Patient"}]}', False),
        (b'{"contained":[{"resourceType":"Observation"}],"resourceType":"Patient"}', True),
        (rb'{"resource\u0054ype":"P\u0061tient"}', True),
        (b"{}", True),
        (b'{"resourceType":5}', True),
        # What cannot be read at a glance may still be a Patient for those who read it member by member.
        (b'{"contained":[{"resourceType":"Observation","a":NaN}],"resourceType":"Patient"}', True),
        (rb'{"contained":[{"resourceType":"Observation","a":"\ud800"}],"resourceType":"Patient"}', True),
        (b"no JSON", True),
    ],
)
def test_an_entry_may_be_of_a_type_unless_it_says_clearly_that_it_is_of_another(entry: bytes, expected: bool) -> None:
    assert may_be(entry=entry, types=PATIENT) is expected
