"""The code systems that the region is written in, and its medicines and tests.

Source: SNOMED CT UK edition (dm+d VMP codes are SNOMED CT codes), LOINC, ICD-10, OPCS-4, Read v2 and CTV3, as UK
systems send them. A unit test checks every SNOMED CT identifier by its Verhoeff check digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
OPCS4 = "https://fhir.hl7.org.uk/Id/opcs-4"
READ2 = "http://read.info/readv2"
CTV3 = "http://read.info/ctv3"


@dataclass(frozen=True, kw_only=True)
class Concept:
    """One meaning and its code in each code system; an empty string where a system has none."""

    term: str
    snomed: str
    icd10: str = ""
    opcs4: str = ""
    read2: str = ""
    ctv3: str = ""
    loinc: str = ""


@dataclass(frozen=True, kw_only=True)
class Dose:
    """How much and how often. `count` units of the form (tablets, puffs) are `amount` of `unit`."""

    count: Decimal
    amount: Decimal
    unit: str
    times_a_day: int


@dataclass(frozen=True, kw_only=True)
class Drug:
    """A medicine as dm+d names it (a VMP), with the doses that people in the region take, the usual one first."""

    term: str
    vmp: str
    form: str
    route: str
    doses: tuple[Dose, ...]


@dataclass(frozen=True, kw_only=True)
class Test:
    """A laboratory test: its code, unit (UCUM and as printed), reference range and the distribution of its values."""

    concept: Concept
    ucum: str
    printed: str
    low: Decimal | None
    high: Decimal | None
    mean: float
    spread: float
    places: int


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Tests that are asked for and reported together."""

    concept: Concept
    tests: tuple[str, ...]


def _dose(count: str, amount: str, unit: str, times_a_day: int) -> Dose:
    return Dose(count=Decimal(count), amount=Decimal(amount), unit=unit, times_a_day=times_a_day)


def _drug(term: str, vmp: str, form: str, route: str, *doses: Dose) -> Drug:
    return Drug(term=term, vmp=vmp, form=form, route=route, doses=doses)


def _c(
    term: str, snomed: str, *, icd10: str = "", opcs4: str = "", read2: str = "", ctv3: str = "", loinc: str = ""
) -> Concept:
    return Concept(term=term, snomed=snomed, icd10=icd10, opcs4=opcs4, read2=read2, ctv3=ctv3, loinc=loinc)


ROUTES: Mapping[str, Concept] = {
    "oral": _c("Oral", "26643006"),
    "inhaled": _c("Inhalation", "447694001"),
    "topical": _c("Cutaneous", "448598008"),
}

DRUGS: Mapping[str, Drug] = {
    "metformin": _drug(
        "Metformin 500mg tablets",
        "325278007",
        "tablet",
        "oral",
        _dose("1", "500", "mg", 2),
        _dose("2", "1000", "mg", 2),
        _dose("1", "500", "mg", 3),
    ),
    "gliclazide": _drug(
        "Gliclazide 80mg tablets", "325242002", "tablet", "oral", _dose("1", "80", "mg", 2), _dose("0.5", "40", "mg", 1)
    ),
    "amlodipine": _drug(
        "Amlodipine 10mg tablets", "319284000", "tablet", "oral", _dose("1", "10", "mg", 1), _dose("0.5", "5", "mg", 1)
    ),
    "ramipril": _drug(
        "Ramipril 10mg capsules", "318906001", "capsule", "oral", _dose("1", "10", "mg", 1), _dose("1", "10", "mg", 2)
    ),
    "lisinopril": _drug(
        "Lisinopril 10mg tablets", "318859000", "tablet", "oral", _dose("1", "10", "mg", 1), _dose("2", "20", "mg", 1)
    ),
    "atorvastatin": _drug(
        "Atorvastatin 20mg tablets", "320030001", "tablet", "oral", _dose("1", "20", "mg", 1), _dose("2", "40", "mg", 1)
    ),
    "aspirin": _drug("Aspirin 75mg dispersible tablets", "319773006", "tablet", "oral", _dose("1", "75", "mg", 1)),
    "clopidogrel": _drug("Clopidogrel 75mg tablets", "319799004", "tablet", "oral", _dose("1", "75", "mg", 1)),
    "atenolol": _drug(
        "Atenolol 100mg tablets", "318421004", "tablet", "oral", _dose("0.5", "50", "mg", 1), _dose("1", "100", "mg", 1)
    ),
    "digoxin": _drug(
        "Digoxin 125microgram tablets",
        "317896006",
        "tablet",
        "oral",
        _dose("1", "125", "microgram", 1),
        _dose("2", "250", "microgram", 1),
    ),
    "furosemide": _drug(
        "Furosemide 20mg tablets", "317971007", "tablet", "oral", _dose("1", "20", "mg", 1), _dose("2", "40", "mg", 1)
    ),
    "doxazosin": _drug("Doxazosin 4mg tablets", "318783003", "tablet", "oral", _dose("1", "4", "mg", 1)),
    "omeprazole": _drug(
        "Omeprazole 20mg gastro-resistant capsules",
        "317291008",
        "capsule",
        "oral",
        _dose("1", "20", "mg", 1),
        _dose("2", "40", "mg", 1),
    ),
    "levothyroxine": _drug(
        "Levothyroxine sodium 100microgram tablets",
        "374296008",
        "tablet",
        "oral",
        _dose("1", "100", "microgram", 1),
        _dose("0.5", "50", "microgram", 1),
    ),
    "salbutamol": _drug(
        "Salbutamol 100micrograms/dose inhaler CFC free",
        "39113611000001102",
        "puff",
        "inhaled",
        _dose("2", "200", "microgram", 4),
        _dose("1", "100", "microgram", 4),
    ),
    "prednisolone": _drug(
        "Prednisolone 5mg gastro-resistant tablets",
        "325443009",
        "tablet",
        "oral",
        _dose("6", "30", "mg", 1),
        _dose("1", "5", "mg", 1),
    ),
    "citalopram": _drug(
        "Citalopram 20mg tablets", "321987003", "tablet", "oral", _dose("1", "20", "mg", 1), _dose("2", "40", "mg", 1)
    ),
    "fluoxetine": _drug(
        "Fluoxetine 20mg capsules", "321949006", "capsule", "oral", _dose("1", "20", "mg", 1), _dose("2", "40", "mg", 1)
    ),
    "amitriptyline": _drug(
        "Amitriptyline 10mg tablets",
        "321745007",
        "tablet",
        "oral",
        _dose("1", "10", "mg", 1),
        _dose("2", "20", "mg", 1),
    ),
    "zopiclone": _drug("Zopiclone 3.75mg tablets", "321177003", "tablet", "oral", _dose("1", "3.75", "mg", 1)),
    "allopurinol": _drug("Allopurinol 300mg tablets", "330062008", "tablet", "oral", _dose("1", "300", "mg", 1)),
    "folic-acid": _drug("Folic acid 5mg tablets", "327550006", "tablet", "oral", _dose("1", "5", "mg", 1)),
    "ferrous-sulfate": _drug(
        "Ferrous sulfate 200mg tablets",
        "327438003",
        "tablet",
        "oral",
        _dose("1", "200", "mg", 2),
        _dose("1", "200", "mg", 1),
    ),
    "tamsulosin": _drug(
        "Tamsulosin 400microgram modified-release capsules",
        "38754011000001109",
        "capsule",
        "oral",
        _dose("1", "400", "microgram", 1),
    ),
    "paracetamol": _drug(
        "Paracetamol 500mg tablets",
        "322236009",
        "tablet",
        "oral",
        _dose("2", "1000", "mg", 4),
        _dose("1", "500", "mg", 4),
    ),
    "cetirizine": _drug("Cetirizine 10mg tablets", "320818006", "tablet", "oral", _dose("1", "10", "mg", 1)),
    "amoxicillin": _drug("Amoxicillin 500mg capsules", "323510009", "capsule", "oral", _dose("1", "500", "mg", 3)),
    "doxycycline": _drug("Doxycycline 100mg capsules", "324059006", "capsule", "oral", _dose("1", "100", "mg", 1)),
}
SHORT_COURSES = ("amoxicillin", "doxycycline", "prednisolone", "paracetamol")


def _t(concept: Concept, ucum: str, printed: str, low: str, high: str, mean: float, spread: float, places: int) -> Test:
    return Test(
        concept=concept,
        ucum=ucum,
        printed=printed,
        low=Decimal(low) if low else None,
        high=Decimal(high) if high else None,
        mean=mean,
        spread=spread,
        places=places,
    )


TESTS: Mapping[str, Test] = {
    "hba1c": _t(
        _c("Haemoglobin A1c level", "999791000000106", read2="42W5.00", ctv3="XaPbt", loinc="59261-8"),
        "mmol/mol",
        "mmol/mol",
        "20",
        "41",
        52,
        12,
        0,
    ),
    "creatinine": _t(
        _c("Serum creatinine level", "1000731000000107", read2="44J3.00", ctv3="XE2q5", loinc="14682-9"),
        "umol/L",
        "umol/L",
        "59",
        "104",
        84,
        20,
        0,
    ),
    "egfr": _t(
        _c("Estimated glomerular filtration rate", "1011481000000105", read2="451E.00", ctv3="XaK8y", loinc="62238-1"),
        "mL/min/{1.73_m2}",
        "mL/min/1.73m2",
        "60",
        "",
        74,
        16,
        0,
    ),
    "potassium": _t(
        _c("Serum potassium level", "1000651000000109", read2="44I4.00", ctv3="XE2pz", loinc="2823-3"),
        "mmol/L",
        "mmol/L",
        "3.5",
        "5.3",
        4.4,
        0.4,
        1,
    ),
    "sodium": _t(
        _c("Serum sodium level", "1000661000000107", read2="44I5.00", ctv3="XE2q0", loinc="2951-2"),
        "mmol/L",
        "mmol/L",
        "133",
        "146",
        139,
        3,
        0,
    ),
    "haemoglobin": _t(
        _c("Haemoglobin estimation", "1022431000000105", read2="423..00", ctv3="Xa96v", loinc="718-7"),
        "g/L",
        "g/L",
        "115",
        "165",
        136,
        13,
        0,
    ),
    "white-cells": _t(
        _c("Total white cell count", "1022541000000102", read2="42H..00", ctv3="XaIdY", loinc="6690-2"),
        "10*9/L",
        "10^9/L",
        "4.0",
        "11.0",
        7.1,
        1.9,
        2,
    ),
    "platelets": _t(
        _c("Platelet count", "1022651000000100", read2="42P..00", ctv3="42P..", loinc="777-3"),
        "10*9/L",
        "10^9/L",
        "150",
        "400",
        255,
        60,
        0,
    ),
    "tsh": _t(
        _c("Serum TSH level", "1022791000000101", read2="442W.00", ctv3="XaELV", loinc="3016-3"),
        "m[IU]/L",
        "mU/L",
        "0.27",
        "4.20",
        2.4,
        1.3,
        2,
    ),
    "cholesterol": _t(
        _c("Serum cholesterol level", "1005671000000105", read2="44P..00", ctv3="XE2eD", loinc="14647-2"),
        "mmol/L",
        "mmol/L",
        "",
        "5.0",
        4.9,
        1.0,
        1,
    ),
    "hdl": _t(
        _c("Serum HDL cholesterol level", "1005681000000107", read2="44P5.00", ctv3="44P5.", loinc="14646-4"),
        "mmol/L",
        "mmol/L",
        "1.0",
        "",
        1.4,
        0.35,
        1,
    ),
    "crp": _t(
        _c("Serum C reactive protein level", "999651000000107", read2="44CS.00", ctv3="XE2dy", loinc="1988-5"),
        "mg/L",
        "mg/L",
        "",
        "5.0",
        6.0,
        5.0,
        1,
    ),
}
PANELS: Mapping[str, Panel] = {
    "diabetes": Panel(
        concept=_c("Haemoglobin A1c level", "43396009", loinc="59261-8", read2="42W5.00"), tests=("hba1c",)
    ),
    "renal": Panel(
        concept=_c("Urea and electrolytes", "252167001", loinc="24362-6", read2="44JB.00"),
        tests=("sodium", "potassium", "creatinine", "egfr"),
    ),
    "blood-count": Panel(
        concept=_c("Full blood count", "26604007", loinc="58410-2", read2="424..00"),
        tests=("haemoglobin", "white-cells", "platelets"),
    ),
    "lipids": Panel(
        concept=_c("Lipids measurement", "16254007", loinc="24331-1", read2="44O..00"), tests=("cholesterol", "hdl")
    ),
    "thyroid": Panel(
        concept=_c("Thyroid stimulating hormone measurement", "61167004", loinc="3016-3", read2="442W.00"),
        tests=("tsh",),
    ),
    "inflammation": Panel(
        concept=_c("C-reactive protein measurement", "55235003", loinc="1988-5", read2="44CC.00"), tests=("crp",)
    ),
}
