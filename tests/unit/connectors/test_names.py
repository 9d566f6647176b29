"""What the entries of a practice's answer are called in R4."""

from __future__ import annotations

import pytest

from connectors.gp_connect.names import Names, names_in, r4_id
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
        ("Observation/7_1/_history/2", "Observation/7-1-d416da5401da/_history/2"),
        ("ReferralRequest?identifier=a?b", "ServiceRequest?identifier=a?b"),
        ("ReferralRequest", "ReferralRequest"),
        ("Observation?based-on=ReferralRequest/7", "Observation?based-on=ReferralRequest/7"),
        ("#ReferralRequest", "#ReferralRequest"),
        ("urn:uuid:7", "urn:uuid:7"),
    ],
)
def test_every_spelling_of_a_reference_follows(sent: str, expected: str) -> None:
    assert Names().r4_reference(text=sent) == expected


def test_a_reference_to_a_server_has_the_id_that_its_target_was_given() -> None:
    names = Names(changed={"ReferralRequest/7": "other"}, lifted={"List/1#2": "ReferralRequest/7"})
    base = "https://gp.example/fhir"
    assert names.r4_reference(text=f"{base}/ReferralRequest/7") == f"{base}/ServiceRequest/other"
    assert names.r4_reference(text=f"{base}/ProcedureRequest/7") == f"{base}/ServiceRequest/7"
    assert names.r4_reference(text="List/1#2") == "ServiceRequest/other"


def test_only_what_is_a_request_is_given_another_id() -> None:
    names = names_in(
        entries=[b"ProcedureRequest"],
        names=["ProcedureRequest/7", "ReferralRequest/7", "Observation/7", "ReferralRequest/", "ServiceRequest"],
    )
    assert set(names.changed) == {"ReferralRequest/7"}


def test_an_id_that_fhir_does_not_allow_is_written_so_that_no_other_is() -> None:
    longest = "a" * 64
    assert r4_id(text=longest) == longest
    made = {text: r4_id(text=text) for text in (f"{longest}a", f"{longest}b", "a_b", "a b", "é")}
    assert all(is_id(text=key) for key in made.values())
    assert len(set(made.values())) == len(made)
    assert made["a_b"].startswith("a-b-")
    assert len(made[f"{longest}a"]) == 64
