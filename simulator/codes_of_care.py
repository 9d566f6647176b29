"""The codes of what is done and noted in care: allergies, signs, visits, operations, vaccines, papers, plans, alerts.

Source: as `codes`; document types and categories as the National Record Locator lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from simulator.codes import Concept


@dataclass(frozen=True, kw_only=True)
class Allergen:
    """What a person is allergic to: the finding (as a GP codes it) and the substance (as a hospital may)."""

    finding: Concept
    substance: Concept
    category: str  # FHIR allergy-intolerance-category
    weight: int = 1


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A vital sign: code, unit and the distribution of its values. Blood pressure is two signs read together."""

    concept: Concept
    ucum: str
    printed: str
    mean: float
    spread: float
    places: int


@dataclass(frozen=True, kw_only=True)
class VisitKind:
    """A kind of visit. `setting`: the HL7 v3-ActCode class; `days`: how long it lasts."""

    title: str
    setting: str
    type: Concept
    days: tuple[int, int] = (0, 0)


def _c(term: str, snomed: str, *, opcs4: str = "", read2: str = "", loinc: str = "") -> Concept:
    return Concept(term=term, snomed=snomed, opcs4=opcs4, read2=read2, loinc=loinc)


NO_KNOWN_ALLERGY = _c("No known allergy", "716186003", read2="1151.00")

ALLERGENS: Mapping[str, Allergen] = {
    "penicillin": Allergen(
        finding=_c("Allergy to penicillin", "91936005", read2="14L1.00"),
        substance=_c("Penicillin", "764146007"),
        category="medication",
        weight=8,
    ),
    "amoxicillin": Allergen(
        finding=_c("Allergy to amoxicillin", "294505008"),
        substance=_c("Amoxicillin", "372687004"),
        category="medication",
        weight=2,
    ),
    "sulfonamide": Allergen(
        finding=_c("Allergy to sulfonamide", "91939003", read2="14L2.00"),
        substance=_c("Sulfonamide", "387406002"),
        category="medication",
        weight=2,
    ),
    "aspirin": Allergen(
        finding=_c("Allergy to aspirin", "293586001", read2="14L4.00"),
        substance=_c("Aspirin", "387458008"),
        category="medication",
        weight=2,
    ),
    "peanut": Allergen(
        finding=_c("Allergy to peanut", "91935009"), substance=_c("Peanut", "762952008"), category="food", weight=2
    ),
    "egg": Allergen(
        finding=_c("Allergy to edible egg", "91930004"), substance=_c("Edible egg", "102263004"), category="food"
    ),
    "latex": Allergen(
        finding=_c("Allergy to latex", "300916003"),
        substance=_c("Latex", "111088007"),
        category="environment",
        weight=2,
    ),
    "grass-pollen": Allergen(
        finding=_c("Allergy to grass pollen", "418689008"),
        substance=_c("Grass pollen", "256277009"),
        category="environment",
        weight=2,
    ),
    "dust-mite": Allergen(
        finding=_c("House dust mite allergy", "232350006"),
        substance=_c("House dust mite", "260147004"),
        category="environment",
        weight=2,
    ),
}
REACTIONS: Mapping[str, Concept] = {
    "anaphylaxis": _c("Anaphylaxis", "39579001"),
    "urticaria": _c("Urticaria", "126485001"),
    "rash": _c("Eruption of skin", "271807003"),
    "angioedema": _c("Angioedema", "41291007"),
    "nausea": _c("Nausea", "422587007"),
}

SYSTOLIC = Sign(
    concept=_c("Systolic blood pressure", "271649006", read2="2469.00", loinc="8480-6"),
    ucum="mm[Hg]",
    printed="mmHg",
    mean=136,
    spread=16,
    places=0,
)
DIASTOLIC = Sign(
    concept=_c("Diastolic blood pressure", "271650006", read2="246A.00", loinc="8462-4"),
    ucum="mm[Hg]",
    printed="mmHg",
    mean=79,
    spread=9,
    places=0,
)
BLOOD_PRESSURE = _c("Blood pressure", "75367002", read2="246..00", loinc="85354-9")
SIGNS: Mapping[str, Sign] = {
    "heart-rate": Sign(
        concept=_c("Heart rate", "364075005", read2="242..00", loinc="8867-4"),
        ucum="/min",
        printed="beats/min",
        mean=76,
        spread=11,
        places=0,
    ),
    "weight": Sign(
        concept=_c("Body weight", "27113001", read2="22A..00", loinc="29463-7"),
        ucum="kg",
        printed="kg",
        mean=78,
        spread=13,
        places=2,
    ),
    "height": Sign(
        concept=_c("Body height", "50373000", read2="229..00", loinc="8302-2"),
        ucum="cm",
        printed="cm",
        mean=168,
        spread=9,
        places=0,
    ),
    "temperature": Sign(
        concept=_c("Body temperature", "386725007", read2="2E3..00", loinc="8310-5"),
        ucum="Cel",
        printed="degC",
        mean=36.8,
        spread=0.5,
        places=1,
    ),
    "oxygen": Sign(
        concept=_c("Peripheral oxygen saturation", "431314004", loinc="2708-6"),
        ucum="%",
        printed="%",
        mean=97,
        spread=1.5,
        places=0,
    ),
    "breathing": Sign(
        concept=_c("Respiratory rate", "86290005", loinc="9279-1"),
        ucum="/min",
        printed="breaths/min",
        mean=16,
        spread=2,
        places=0,
    ),
}

VISIT_KINDS: Mapping[str, VisitKind] = {
    "outpatient": VisitKind(title="Outpatient clinic", setting="AMB", type=_c("Outpatient visit", "185389009")),
    "emergency": VisitKind(
        title="Emergency department", setting="EMER", type=_c("Emergency department patient visit", "4525004")
    ),
    "inpatient": VisitKind(
        title="Hospital admission", setting="IMP", type=_c("Hospital admission", "32485007"), days=(1, 9)
    ),
    "home": VisitKind(title="Community nursing home visit", setting="HH", type=_c("Home visit", "439708006")),
    "mental": VisitKind(
        title="Mental health appointment", setting="AMB", type=_c("Psychiatric interview and evaluation", "79094001")
    ),
}

OPERATIONS: Mapping[str, Concept] = {
    "hip-replacement": _c("Total replacement of hip", "52734007", opcs4="W37.1"),
    "coronary-angiography": _c("Coronary angiography", "33367005", opcs4="K63.4"),
    "colonoscopy": _c("Colonoscopy", "73761001", opcs4="H22.9"),
    "gastroscopy": _c("Oesophagogastroduodenoscopy", "76009000", opcs4="G45.9"),
    "gallbladder": _c("Laparoscopic cholecystectomy", "45595009", opcs4="J18.3"),
    "appendix": _c("Appendicectomy", "80146002", opcs4="H01.9"),
    "echocardiogram": _c("Echocardiography", "40701008", opcs4="U20.1"),
    "wound-dressing": _c("Dressing of wound", "182531007"),
}
VACCINES: Mapping[str, Concept] = {
    "influenza": _c("Seasonal influenza vaccination", "822851000000102", read2="65ED.00"),
    "covid": _c(
        "Administration of first dose of severe acute respiratory syndrome coronavirus 2 vaccine", "1324681000000101"
    ),
    "pneumococcal": _c("Pneumococcal vaccination", "12866006", read2="6572.00"),
    "mmr": _c("Administration of measles and mumps and rubella vaccine", "38598009", read2="65M1.00"),
}
PAPERS: Mapping[str, Concept] = {
    "discharge": _c("Discharge summary", "373942005", loinc="18842-5"),
    "clinic-letter": _c("Outpatient letter", "823681000000100", loinc="11488-4"),
    "crisis-plan": _c("Mental health crisis plan", "736253002"),
    "respect": _c("ReSPECT (Recommended Summary Plan for Emergency Care and Treatment)", "1382601000000107"),
    "assessment": _c("Assessment report", "371531000"),
}
PLANS: Mapping[str, Concept] = {
    "wound": _c("Wound care", "225358003"),
    "falls": _c("Fall risk assessment", "414191008"),
    "crisis": _c("Mental health crisis plan", "736253002"),
    "care-plan": _c("Care plan", "734163000"),
}
ALERTS: Mapping[str, Concept] = {
    "falls": _c("At risk for falls", "129839007"),
    "interpreter": _c("Interpreter needed", "315594003"),
    "no-cpr": _c("Not for attempted cardiopulmonary resuscitation", "450476008"),
    "mrsa": _c("Carrier of methicillin resistant Staphylococcus aureus", "432415000"),
}
REFERRALS: Mapping[str, Concept] = {
    "cardiology": _c("Referral to cardiology service", "183519002", read2="8H44.00"),
    "orthopaedics": _c("Referral to orthopaedic service", "183545006", read2="8H54.00"),
    "mental-health": _c("Referral to mental health service", "183583007", read2="8H49.00"),
    "community": _c("Referral to community service", "183561008"),
}
RECALLS: Mapping[str, Concept] = {
    "medication-review": _c("Medication review due", "394720003", read2="8B31400"),
    "blood-pressure": _c("Blood pressure monitoring", "135840009", read2="662..00"),
}
BACKGROUND: Mapping[str, Concept] = {
    "never-smoked": _c("Never smoked tobacco", "266919005", read2="1371.00", loinc="72166-2"),
    "ex-smoker": _c("Ex-smoker", "8517006", read2="137S.00", loinc="72166-2"),
    "smoker": _c("Smoker", "77176002", read2="137R.00", loinc="72166-2"),
}
ALCOHOL = _c("Alcohol intake", "160573003", read2="136..00", loinc="74013-4")
FAMILY_DIABETES = _c("Family history of diabetes mellitus", "160303001", read2="1252.00")
ALCOHOL_UNITS = Decimal("6")
