"""Which NHS numbers are sound, and which of them are nobody's."""

from __future__ import annotations

import pytest

from fhir_data.identifiers import is_sound_nhs_number, is_test_nhs_number


@pytest.mark.parametrize(
    ("number", "is_sound", "is_for_tests"),
    [
        ("9990000018", True, True),
        ("9000000009", True, True),
        ("0000000000", True, False),
        ("9990000019", False, False),
        ("999 000 0018", False, False),
        ("999000001", False, False),
        ("٩٩٩٠٠٠٠٠١٨", False, False),
        ("", False, False),
    ],
)
def test_a_number_of_the_test_range_begins_with_9_and_has_its_check_digit(
    number: str, is_sound: bool, is_for_tests: bool
) -> None:
    assert is_sound_nhs_number(number) is is_sound
    assert is_test_nhs_number(number) is is_for_tests
