"""Which labels withhold: every spelling of a confidential one, every code that nobody knows, and none of handling."""

from __future__ import annotations

import pytest

from fhir_data.confidentiality import LabelMeaning, is_known, meaning_of, restricts
from fhir_data.labels import Label
from tests.factories import CONFIDENTIALITY

CODE_SYSTEM = "http://terminology.hl7.org/CodeSystem"
CONFIDENTIALITY_SYSTEMS = (
    CONFIDENTIALITY,
    f"{CONFIDENTIALITY}/",
    f"{CONFIDENTIALITY}|2018-08-12",
    f" {CONFIDENTIALITY.upper()} ",
    CONFIDENTIALITY.replace("http:", "https:"),
    "http://hl7.org/fhir/v3/Confidentiality",
    "http://www.hl7.org/fhir/v3/Confidentiality#",
    "urn:oid:2.16.840.1.113883.5.25",
    "URN:OID:2.16.840.1.113883.5.25",
    "2.16.840.1.113883.5.25",
    "2.16.840.1.113883.5.25|3",
    "https://supplier.example/confidentiality-level",
)


@pytest.mark.parametrize("system", [*CONFIDENTIALITY_SYSTEMS, ""])
@pytest.mark.parametrize("code", ["R", "V", "r", " V ", "R\u200b", "\ufeffv", "\uff32", "R\u00a0", "restricted", "X"])
def test_what_is_confidential_withholds_however_it_is_spelt(system: str, code: str) -> None:
    assert restricts(Label(system=system, code=code))


@pytest.mark.parametrize("system", [*CONFIDENTIALITY_SYSTEMS, ""])
@pytest.mark.parametrize("code", ["U", "L", "M", "N", "n", " N", "N\u200b"])
def test_the_other_levels_withhold_nothing(system: str, code: str) -> None:
    assert not restricts(Label(system=system, code=code))


@pytest.mark.parametrize(
    "system", [f"{CODE_SYSTEM}/v3-ActCode", "http://hl7.org/fhir/v3/ActCode", "urn:oid:2.16.840.1.113883.5.4", ""]
)
@pytest.mark.parametrize("code", ["HIV", "hiv", "PSY", "ETH", "SDV", "TBOO", "STD", "SEX", "VIP", "NO-SUCH-CODE"])
def test_what_is_sensitive_or_unknown_withholds(system: str, code: str) -> None:
    assert restricts(Label(system=system, code=code))


VERSION_2 = (f"{CODE_SYSTEM}/v2-0177", "http://hl7.org/fhir/v2/0177", "urn:oid:2.16.840.1.113883.12.177")


@pytest.mark.parametrize("system", VERSION_2)
def test_codes_of_version_2_messages_withhold_but_the_usual_one(system: str) -> None:
    assert all(restricts(Label(system=system, code=code)) for code in ["AID", "UWM", "r", "OF-NO-KIND"])
    assert not restricts(Label(system=system, code="U"))


@pytest.mark.parametrize(
    "system",
    [
        "http://hl7.org/fhir/ValueSet/security-labels",
        "https://www.hl7.org/fhir/valueset-security-labels.html",
        "http://hl7.org/fhir/security-label",
    ],
)
def test_a_value_set_of_all_labels_is_no_system(system: str) -> None:
    assert all(restricts(Label(system=system, code=code)) for code in ["R", "PSY", "REDACTED-BY-NOBODY-KNOWS-WHOM"])
    assert not any(restricts(Label(system=system, code=code)) for code in ["N", "U", "TREAT", "NORDSCLCD"])


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (f"{CODE_SYSTEM}/v3-ActCode", "NORDSCLCD"),
        (f"{CODE_SYSTEM}/v3-ActCode", "DELAU"),
        (f"{CODE_SYSTEM}/v3-ActCode", "ENCRYPT"),
        ("urn:oid:2.16.840.1.113883.5.4", "cplyjpp"),
        (f"{CODE_SYSTEM}/v3-ActReason", "TREAT"),
        (f"{CODE_SYSTEM}/v3-ActReason", "A-PURPOSE-NOBODY-KNOWS"),
        ("urn:oid:2.16.840.1.113883.5.8", "HRESCH"),
        (f"{CODE_SYSTEM}/v3-ObservationValue", "SUBSETTED"),
        (f"{CODE_SYSTEM}/v3-ObservationValue", "PATAST"),
        ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue|1", "of-no-kind"),
        ("", "TREAT"),
        ("", "NORDSCLCD"),
        ("", "DIGSIG"),
        ("https://supplier.example/workflow", "reviewed"),
    ],
)
def test_purpose_handling_and_integrity_never_withhold(system: str, code: str) -> None:
    assert not restricts(Label(system=system, code=code))


@pytest.mark.parametrize("system", ["", CONFIDENTIALITY, f"{CODE_SYSTEM}/v3-ActReason", "https://supplier.example/x"])
@pytest.mark.parametrize("code", ["", " ", "\u200b"])
def test_a_label_without_a_code_withholds(system: str, code: str) -> None:
    assert restricts(Label(system=system, code=code))


@pytest.mark.parametrize("code", ["R", "V", "HIV"])
def test_a_code_that_withholds_does_so_in_a_supplier_s_own_system_too(code: str) -> None:
    assert restricts(Label(system="https://supplier.example/labels", code=code))


@pytest.mark.parametrize(
    ("system", "code", "kind", "plain", "known"),
    [
        (CONFIDENTIALITY, " R ", "confidentiality", "r", True),
        (CONFIDENTIALITY, "of-no-kind", "confidentiality", "of-no-kind", False),
        (f"{CODE_SYSTEM}/v3-ActCode#", "HIV", "sensitivity_and_handling", "hiv", True),
        ("urn:oid:2.16.840.1.113883.5.4#", "HIV", "sensitivity_and_handling", "hiv", True),
        (f"{CODE_SYSTEM}/v3-ActReason/", "TREAT", "purpose_of_use", "treat", False),
        ("http://hl7.org/fhir/security-label", "R", "", "r", False),
        ("", "R", "", "r", False),
    ],
)
def test_what_a_label_says_is_told_however_it_is_spelt(
    system: str, code: str, kind: str, plain: str, known: bool
) -> None:
    label = Label(system=system, code=code)
    assert meaning_of(label) == LabelMeaning(kind=kind, code=plain)
    assert is_known(label) is known
