"""What the entries of a practice's answer are called in R4."""

from __future__ import annotations

import pytest

from connectors.gp_connect.names import Names, names_in
from fhir_data.references import is_id


def held(*names: str, mentioned: bytes = b"") -> Names:
    return names_in(entries=[mentioned, *(name.encode() for name in names)], names=names)


def test_a_referral_and_a_diary_entry_with_one_id_stay_two() -> None:
    names = held("ProcedureRequest/7", "ReferralRequest/7", "ReferralRequest/8")
    entry, referral = (names.r4_reference(text=f"{kind}/7") for kind in ("ProcedureRequest", "ReferralRequest"))
    assert entry == "ServiceRequest/7"
    assert referral.startswith("ServiceRequest/")
    assert referral != entry
    assert is_id(text=referral.partition("/")[2])
    assert names.r4_reference(text="ReferralRequest/8") == "ServiceRequest/8"


@pytest.mark.parametrize("mention", [b'{"reference":"ServiceRequest/7"}', b'{"reference":"ServiceRequest\\/7"}'])
def test_an_id_that_something_else_is_called_by_is_not_taken(mention: bytes) -> None:
    names = held("ProcedureRequest/7", mentioned=mention)
    assert names.r4_reference(text="ProcedureRequest/7") != "ServiceRequest/7"
    assert names.r4_reference(text="ServiceRequest/7") == "ServiceRequest/7"


def test_a_reference_to_an_absent_referral_does_not_lead_to_a_diary_entry() -> None:
    names = held("ProcedureRequest/7", mentioned=b'{"reference":"ReferralRequest/7"}')
    assert names.r4_reference(text="ReferralRequest/7") != names.r4_reference(text="ProcedureRequest/7")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("ProcedureRequest/7", "ServiceRequest/7"),
        ("ReferralRequest/7/_history/2", "ServiceRequest/7/_history/2"),
        ("https://gp.example/fhir/ProcedureRequest/7", "https://gp.example/fhir/ServiceRequest/7"),
        ("ReferralRequest?identifier=7", "ServiceRequest?identifier=7"),
        ("Observation/7", "Observation/7"),
        ("#ReferralRequest", "#ReferralRequest"),
        ("urn:uuid:7", "urn:uuid:7"),
    ],
)
def test_every_spelling_of_a_reference_follows(sent: str, expected: str) -> None:
    assert Names().r4_reference(text=sent) == expected
