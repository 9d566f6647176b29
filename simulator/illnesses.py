"""The illnesses of the region: their codes, who gets them, what is taken and measured for them.

Source: as `codes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.codes import Concept


@dataclass(frozen=True, kw_only=True)
class Condition:
    """An illness of the region: who gets it, what is taken for it, what is measured and who else cares for it."""

    concept: Concept
    drugs: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()
    ages: tuple[int, int] = (0, 110)
    weight: int = 1
    care: frozenset[str] = field(default_factory=frozenset)  # acute, community, mental
    sensitivity: str = ""  # a v3-ActCode sensitivity label such as PSY


def _c(term: str, snomed: str, *, icd10: str = "", read2: str = "", ctv3: str = "") -> Concept:
    return Concept(term=term, snomed=snomed, icd10=icd10, read2=read2, ctv3=ctv3)


ACUTE, COMMUNITY, MENTAL = frozenset({"acute"}), frozenset({"community"}), frozenset({"mental"})

CONDITIONS: Mapping[str, Condition] = {
    "type-2-diabetes": Condition(
        concept=_c("Type 2 diabetes mellitus", "44054006", icd10="E11.9", read2="C10F.00", ctv3="X40J5"),
        drugs=("metformin", "gliclazide"),
        panels=("diabetes", "renal", "lipids"),
        ages=(35, 110),
        weight=9,
        care=ACUTE | COMMUNITY,
    ),
    "hypertension": Condition(
        concept=_c("Essential hypertension", "59621000", icd10="I10", read2="G20..00", ctv3="XE0Uc"),
        drugs=("amlodipine", "ramipril", "lisinopril"),
        panels=("renal",),
        ages=(35, 110),
        weight=14,
        care=ACUTE,
    ),
    "asthma": Condition(
        concept=_c("Asthma", "195967001", icd10="J45.9", read2="H33..00", ctv3="H33.."),
        drugs=("salbutamol",),
        weight=9,
        care=ACUTE,
    ),
    "copd": Condition(
        concept=_c("Chronic obstructive lung disease", "13645005", icd10="J44.9", read2="H3...00", ctv3="H3..."),
        drugs=("salbutamol",),
        panels=("inflammation",),
        ages=(50, 110),
        weight=4,
        care=ACUTE | COMMUNITY,
    ),
    "atrial-fibrillation": Condition(
        concept=_c("Atrial fibrillation", "49436004", icd10="I48.9", read2="G573000", ctv3="G5730"),
        drugs=("digoxin", "atenolol"),
        panels=("renal",),
        ages=(55, 110),
        weight=4,
        care=ACUTE,
    ),
    "heart-failure": Condition(
        concept=_c("Heart failure", "84114007", icd10="I50.9", read2="G58..00", ctv3="G58.."),
        drugs=("furosemide", "ramipril"),
        panels=("renal",),
        ages=(60, 110),
        weight=3,
        care=ACUTE | COMMUNITY,
    ),
    "depression": Condition(
        concept=_c("Depressive disorder", "35489007", icd10="F32.9", read2="E2B..00", ctv3="X00SO"),
        drugs=("citalopram", "fluoxetine"),
        ages=(16, 110),
        weight=9,
        care=MENTAL,
        sensitivity="PSY",
    ),
    "anxiety": Condition(
        concept=_c("Anxiety disorder", "197480006", icd10="F41.9", read2="E200.00", ctv3="E200."),
        drugs=("citalopram",),
        ages=(14, 110),
        weight=6,
        care=MENTAL,
        sensitivity="PSY",
    ),
    "bipolar": Condition(
        concept=_c("Bipolar disorder", "13746004", icd10="F31.9", read2="Eu31.00", ctv3="X00SM"),
        drugs=("fluoxetine",),
        ages=(18, 110),
        weight=1,
        care=MENTAL,
        sensitivity="PSY",
    ),
    "hypothyroidism": Condition(
        concept=_c("Hypothyroidism", "40930008", icd10="E03.9", read2="C04..00", ctv3="X40IQ"),
        drugs=("levothyroxine",),
        panels=("thyroid",),
        ages=(25, 110),
        weight=5,
    ),
    "kidney-disease": Condition(
        concept=_c("Chronic kidney disease stage 3", "433144002", icd10="N18.3", read2="1Z12.00", ctv3="XaLHI"),
        panels=("renal", "blood-count"),
        ages=(55, 110),
        weight=4,
        care=ACUTE,
    ),
    "osteoarthritis": Condition(
        concept=_c("Osteoarthritis", "396275006", icd10="M19.9", read2="N05..00", ctv3="N05.."),
        drugs=("paracetamol",),
        ages=(50, 110),
        weight=8,
        care=ACUTE | COMMUNITY,
    ),
    "heart-attack": Condition(
        concept=_c("Myocardial infarction", "22298006", icd10="I21.9", read2="G30..00", ctv3="X200E"),
        drugs=("aspirin", "clopidogrel", "atorvastatin"),
        panels=("lipids",),
        ages=(45, 110),
        weight=3,
        care=ACUTE,
    ),
    "hyperlipidaemia": Condition(
        concept=_c("Hyperlipidaemia", "55822004", icd10="E78.5", read2="C324.00"),
        drugs=("atorvastatin",),
        panels=("lipids",),
        ages=(40, 110),
        weight=6,
    ),
    "gout": Condition(
        concept=_c("Gout", "90560007", icd10="M10.9", read2="C34..00", ctv3="C34.."),
        drugs=("allopurinol",),
        ages=(40, 110),
        weight=3,
    ),
    "migraine": Condition(
        concept=_c("Migraine", "37796009", icd10="G43.9", read2="F26..00", ctv3="F26.."),
        drugs=("amitriptyline",),
        ages=(14, 80),
        weight=4,
    ),
    "reflux": Condition(
        concept=_c("Gastro-oesophageal reflux disease", "235595009", icd10="K21.9", read2="J10y400", ctv3="X3003"),
        drugs=("omeprazole",),
        ages=(25, 110),
        weight=6,
    ),
    "stroke": Condition(
        concept=_c("Cerebrovascular accident", "230690007", icd10="I64", read2="G66..00", ctv3="X00D1"),
        drugs=("clopidogrel", "atorvastatin"),
        ages=(60, 110),
        weight=2,
        care=ACUTE | COMMUNITY,
    ),
    "iron-deficiency": Condition(
        concept=_c("Iron deficiency anaemia", "87522002", icd10="D50.9", read2="D00..00", ctv3="D00.."),
        drugs=("ferrous-sulfate",),
        panels=("blood-count",),
        ages=(16, 110),
        weight=3,
    ),
    "rheumatoid-arthritis": Condition(
        concept=_c("Rheumatoid arthritis", "69896004", icd10="M06.9", read2="N040.00", ctv3="N040."),
        drugs=("folic-acid",),
        panels=("inflammation", "blood-count"),
        ages=(30, 110),
        weight=2,
        care=ACUTE,
    ),
    "eczema": Condition(
        concept=_c("Atopic dermatitis", "24079001", icd10="L20.9", read2="M111.00", ctv3="M111."),
        drugs=("cetirizine",),
        weight=5,
    ),
    "prostate": Condition(
        concept=_c("Benign prostatic hyperplasia", "266569009", icd10="N40", read2="K20..00"),
        drugs=("tamsulosin",),
        ages=(55, 110),
        weight=3,
    ),
    "dementia": Condition(
        concept=_c("Alzheimer's disease", "26929004", icd10="G30.9", read2="F110.00", ctv3="X002x"),
        ages=(72, 110),
        weight=2,
        care=COMMUNITY | MENTAL,
    ),
    "hiv": Condition(
        concept=_c("Human immunodeficiency virus infection", "86406008", icd10="B24", read2="43C3.00"),
        panels=("blood-count",),
        ages=(20, 80),
        weight=1,
        care=ACUTE,
        sensitivity="HIV",
    ),
}
EPISODES: Mapping[str, Concept] = {
    "pneumonia": _c("Pneumonia", "233604007", icd10="J18.9", read2="H2...00", ctv3="X100E"),
    "uti": _c("Urinary tract infectious disease", "68566005", icd10="N39.0", read2="K190.00", ctv3="K190."),
    "hip-fracture": _c("Fracture of neck of femur", "5913000", icd10="S72.0", read2="S30..00", ctv3="S30.."),
    "chest-pain": _c("Chest pain", "29857009", icd10="R07.4", read2="182..00", ctv3="XE1qD"),
    "fall": _c("Fall", "1912002", icd10="W19", read2="TC...00", ctv3="TC..."),
    "back-pain": _c("Low back pain", "279039007", icd10="M54.5", read2="N142.00", ctv3="X75rv"),
}
