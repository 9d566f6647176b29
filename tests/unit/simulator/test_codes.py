"""The codes of the region are well formed."""

from __future__ import annotations

import re
from pathlib import Path

import simulator

# Verhoeff's tables. Source: SNOMED CT Technical Implementation Guide, "Check-digit computation".
DIHEDRAL = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
ONE_STEP = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
SOURCE = Path(simulator.__file__).parent
ASID = re.compile(r"999000\d{6}")  # addresses of systems, the only other long numbers


def permuted(digit: int, times: int) -> int:
    for _ in range(times % 8):
        digit = ONE_STEP[digit]
    return digit


def has_check_digit(identifier: str) -> bool:
    left = 0
    for place, digit in enumerate(reversed(identifier)):
        left = DIHEDRAL[left][permuted(int(digit), place)]
    return left == 0


def snomed_identifiers() -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.glob("*.py"))
    text = re.sub(r'number="\d{10}"', "", text)  # the NHS numbers of the stories
    return {found for found in re.findall(r'"(\d{6,18})"', text) if not ASID.fullmatch(found)}


def test_every_snomed_ct_identifier_has_its_check_digit() -> None:
    found = snomed_identifiers()
    assert len(found) > 150
    assert [identifier for identifier in found if not has_check_digit(identifier)] == []


def test_a_wrong_identifier_would_be_found() -> None:
    assert has_check_digit("91936005")
    assert not has_check_digit("91936006")
