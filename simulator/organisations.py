"""The invented region of Thornmere: its six sources, each with identifiers and habits of its own.

No such organisation exists. Their ODS codes have the shape of real ones but begin with letters that are given to
nobody (RZ, X99), their web names end in `.example`, and their postcode area (TM) is not one of Royal Mail's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.wire import NHS_NUMBER_SYSTEM

REGION_NAME = "Thornmere"
GP_CONNECT = "gp_connect"
FHIR_R4 = "fhir_r4"
ODS_SYSTEM = "https://fhir.nhs.uk/Id/ods-organization-code"
SDS_USER_SYSTEM = "https://fhir.nhs.uk/Id/sds-user-id"
LABORATORY_SYSTEM = "https://pathology.thornmere.example/id/report"  # the region has one laboratory


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How a source writes things down, which is what makes joining records hard.

    `problem_codes` and `test_codes` name code systems in the order sent: snomed, icd10, loinc, local, read2, ctv3.
    `drug_shape`: request, statement, contained (a statement with its Medication inside) or text (no code at all).
    `names`: registered, upper, familiar (Kate for Katherine, initials), swapped (now and then), former (maiden name).
    `dates`: instant, day or month, the precision of what is not a visit.
    """

    local_id: str  # digits, letters, hyphens, uuid or nhs
    problem_codes: tuple[str, ...]
    test_codes: tuple[str, ...]
    drug_shape: str
    coded_doses: bool
    ucum: bool
    names: str
    dates: str
    allergy_codes: str = "finding"  # or substance


@dataclass(frozen=True, kw_only=True)
class Source:
    """One organisation's system: who it is, how it is reached, how it behaves and how it writes things down.

    `care` says what kind of care it gives (gp, acute, community, mental). `page_size` 0 sends everything at once.
    """

    slug: str
    name: str
    ods: str
    kind: str
    care: str
    base_path: str
    identifier_system: str
    time_limit_s: float
    latency_ms: int
    habits: Habits
    everything: bool = False
    provenance: bool = False
    page_size: int = 0
    unsupported: tuple[str, ...] = ()  # GP Connect parameters that the practice's system does not know
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def web(self) -> str:
        """Return the root of the web addresses that the source's identifier and code systems begin with."""
        return f"https://{self.slug}.example"


def _gp_options(*, to_asid: str) -> dict[str, str]:
    """Return the GP Connect connector's settings: both ASIDs, and the address that names the consumer."""
    return {"to_asid": to_asid, "from_asid": "999000000001", "consumer_url": "https://longview.example"}


SOURCES: tuple[Source, ...] = (
    Source(
        slug="millbeck-surgery",
        name="Millbeck Cross Surgery",
        ods="X99001",
        kind=GP_CONNECT,
        care="gp",
        base_path="/X99001/STU3/1/gpconnect/structured/fhir",
        identifier_system=NHS_NUMBER_SYSTEM,
        time_limit_s=3,
        latency_ms=350,
        options=_gp_options(to_asid="999000000101"),
        habits=Habits(
            local_id="nhs",
            problem_codes=("read2", "snomed"),
            test_codes=("read2", "snomed"),
            drug_shape="gp",
            coded_doses=False,
            ucum=False,
            names="registered",
            dates="day",
        ),
    ),
    Source(
        slug="ferrygate-medical",
        name="Ferrygate Medical Centre",
        ods="X99002",
        kind=GP_CONNECT,
        care="gp",
        base_path="/X99002/STU3/1/gpconnect/structured/fhir",
        identifier_system=NHS_NUMBER_SYSTEM,
        time_limit_s=3,
        latency_ms=500,
        unsupported=("includeDiaryEntries",),
        options=_gp_options(to_asid="999000000102"),
        habits=Habits(
            local_id="nhs",
            problem_codes=("ctv3", "snomed"),
            test_codes=("ctv3", "snomed"),
            drug_shape="gp",
            coded_doses=False,
            ucum=False,
            names="registered",
            dates="day",
        ),
    ),
    Source(
        slug="thornmere-royal",
        name="Thornmere Royal Hospital",
        ods="RZX",
        kind=FHIR_R4,
        care="acute",
        base_path="/fhir/R4",
        identifier_system="https://thornmere-royal.example/id/mrn",
        time_limit_s=9,
        latency_ms=700,
        everything=True,
        provenance=True,
        habits=Habits(
            local_id="digits",
            problem_codes=("snomed", "icd10"),
            test_codes=("loinc", "local"),
            drug_shape="request",
            coded_doses=True,
            ucum=True,
            names="upper",
            dates="instant",
        ),
    ),
    Source(
        slug="eskwith-general",
        name="Eskwith General Hospital",
        ods="RZY",
        kind=FHIR_R4,
        care="acute",
        base_path="/api/fhir",
        identifier_system="https://eskwith-general.example/id/hospital-number",
        time_limit_s=9,
        latency_ms=120,
        page_size=10,
        habits=Habits(
            local_id="letters",
            problem_codes=("icd10", "snomed"),
            test_codes=("local", "snomed"),
            drug_shape="contained",
            coded_doses=True,
            ucum=False,
            names="familiar",
            dates="day",
            allergy_codes="substance",
        ),
    ),
    Source(
        slug="harrowdale-community",
        name="Harrowdale Community Health",
        ods="RZW",
        kind=FHIR_R4,
        care="community",
        base_path="/fhir",
        identifier_system="https://harrowdale-community.example/id/client",
        time_limit_s=6,
        latency_ms=250,
        everything=True,
        provenance=True,
        page_size=25,
        habits=Habits(
            local_id="uuid",
            problem_codes=("snomed",),
            test_codes=("snomed",),
            drug_shape="text",
            coded_doses=False,
            ucum=True,
            names="swapped",
            dates="day",
        ),
    ),
    Source(
        slug="larkbeck-mental-health",
        name="Larkbeck Mental Health Trust",
        ods="RZV",
        kind=FHIR_R4,
        care="mental",
        base_path="/r4",
        identifier_system="https://larkbeck-mental-health.example/id/person",
        time_limit_s=6,
        latency_ms=180,
        page_size=20,
        habits=Habits(
            local_id="hyphens",
            problem_codes=("local", "snomed"),
            test_codes=("loinc",),
            drug_shape="statement",
            coded_doses=True,
            ucum=True,
            names="former",
            dates="month",
        ),
    ),
)
BY_SLUG: Mapping[str, Source] = {source.slug: source for source in SOURCES}
PRACTICES = tuple(source.slug for source in SOURCES if source.kind == GP_CONNECT)
