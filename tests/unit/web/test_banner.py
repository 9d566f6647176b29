"""The patient banner says what is known of the NHS number."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from aggregator.mpi.golden import GoldenRecord
from aggregator.mpi.queries import PersonSummary
from aggregator.web.record_page import banner_of


@pytest.mark.parametrize(
    ("golden", "number", "remark"),
    [
        (GoldenRecord(nhs_number="9990000018", nhs_number_is_verified=True), "999\u00a0000\u00a00018", ""),
        (GoldenRecord(nhs_number="9990000018"), "999\u00a0000\u00a00018", "not verified"),
        (GoldenRecord(unusable_number="9600000005"), "960\u00a0000\u00a00005", "not a valid number"),
        (GoldenRecord(), "Not known", ""),
    ],
)
def test_a_number_is_shown_with_what_it_is_worth(golden: GoldenRecord, number: str, remark: str) -> None:
    banner = banner_of(person=PersonSummary(person_id=UUID(int=1), golden=golden), today=date(2026, 11, 25))
    assert (banner.nhs_number, banner.number_remark) == (number, remark)
