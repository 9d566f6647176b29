"""Takes from a practice's whole record the part that was asked for, with the Lists that say so.

Source: GP Connect Access Record Structured 1.6, "Payload response body" and "Using lists to return data": each area
that was asked for has its primary List, if need be an empty one; consultations and problems have secondary Lists too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from simulator import gp_parameters as gp
from simulator.gp_parameters import Asked, Part
from simulator.stu3_page import EMPTY_REASONS, SECONDARY_LISTS, snomed
from simulator.stu3_writer import CONSULTATION, ENDED_ALLERGIES, HEADING, PRIMARY_LISTS, TOPIC
from simulator.wire import Resource

AREA_OF_PARAMETER: Mapping[str, str] = {
    gp.ALLERGIES: "allergies",
    gp.MEDICATION: "medications",
    gp.CONSULTATIONS: "consultations",
    gp.PROBLEMS: "problems",
    gp.IMMUNISATIONS: "immunisations",
    gp.UNCATEGORISED: "uncategorised",
    gp.INVESTIGATIONS: "investigations",
    gp.REFERRALS: "referrals",
    gp.DIARY: "diary",
}
CONSULTATION_LISTS = frozenset({CONSULTATION, TOPIC, HEADING})
BACK_LINKS = frozenset({"subject", "patient", "context", "encounter", "parent"})  # not followed from an item
NO_CONTENT = {"coding": [{"system": EMPTY_REASONS, "code": "no-content-recorded", "display": "No Content Recorded"}]}


def answer_of(*, resources: Sequence[Resource], asked: Asked) -> list[Resource]:
    """Return the resources of the answer to what was asked, of one person's whole record at the practice."""
    return _Picking(resources=resources, asked=asked).picked()


class _Picking:
    """The picking of one answer: what has been picked so far, by reference, and the Lists that go with it."""

    def __init__(self, *, resources: Sequence[Resource], asked: Asked) -> None:
        self._asked = asked
        self._all = [r for r in resources if r["resourceType"] not in ("List", "Patient")]
        self._patients = [r for r in resources if r["resourceType"] == "Patient"]
        self._lists = [r for r in resources if r["resourceType"] == "List"]
        self._by_reference = {f"{r['resourceType']}/{r.get('id')}": r for r in (*self._all, *self._lists)}
        self._picked: dict[str, Resource] = {}
        self._answer_lists: list[Resource] = []

    def picked(self) -> list[Resource]:
        for parameter in self._asked.areas:
            self._pick_area(parameter=parameter)
        for reference in _references(value=self._patients):
            self._pick(reference=reference)
        roles = [
            r
            for r in self._all
            if r["resourceType"] == "PractitionerRole" and r.get("practitioner", {}).get("reference") in self._picked
        ]
        return [*self._patients, *self._picked.values(), *roles, *self._answer_lists]

    def _pick_area(self, *, parameter: str) -> None:
        area = AREA_OF_PARAMETER[parameter]
        code = PRIMARY_LISTS[area][0]
        listed = self._list_of(code=code)
        keep = _filter_of(parameter=parameter, asked=self._asked, by_reference=self._by_reference)
        entries = [r for r in _entries(listed=listed) if keep(self._by_reference.get(r, {}))]
        if parameter == gp.CONSULTATIONS:
            entries = self._most_recent(entries=entries)
        self._answer_lists.append(_listing(listed=listed, entries=entries, area=area, patients=self._patients))
        for reference in entries:
            self._pick(reference=reference)
        if parameter == gp.ALLERGIES and self._asked.narrowed(gp.ALLERGIES, "includeResolvedAllergies"):
            self._pick_ended_allergies()
        if parameter == gp.MEDICATION and self._asked.narrowed(gp.MEDICATION, "includePrescriptionIssues", True):
            self._pick_issues()
        if parameter == gp.CONSULTATIONS:
            self._pick_consultations(encounters=entries)
        if parameter == gp.PROBLEMS:
            self._pick_related(prefix="problems-", among=self._reached(start=entries))

    def _list_of(self, *, code: str) -> Resource:
        return next((r for r in self._lists if _code(listed=r) == code), {})

    def _most_recent(self, *, entries: list[str]) -> list[str]:
        count = self._asked.narrowed(gp.CONSULTATIONS, "includeNumberOfMostRecent")
        if not isinstance(count, int):
            return entries
        begun = {r: str(self._by_reference.get(r, {}).get("period", {}).get("start", "")) for r in entries}
        return sorted(entries, key=lambda reference: begun[reference], reverse=True)[:count]

    def _pick(self, *, reference: str) -> None:
        """Pick a resource and what it refers to; a plan also picks the statement based on it."""
        resource = self._by_reference.get(reference)
        if resource is None or resource["resourceType"] == "List" or reference in self._picked:
            return
        self._picked[reference] = resource
        for further in _references(value=resource):
            self._pick(reference=further)
        if resource["resourceType"] == "MedicationRequest" and resource.get("intent") == "plan":
            for statement in self._all:
                if statement["resourceType"] == "MedicationStatement" and reference in _references(value=statement):
                    self._pick(reference=f"MedicationStatement/{statement['id']}")

    def _pick_ended_allergies(self) -> None:
        listed = self._list_of(code=ENDED_ALLERGIES[0])
        if listed:
            self._answer_lists.append(listed)
            for reference in _references(value=listed.get("contained", [])):
                self._pick(reference=reference)

    def _pick_issues(self) -> None:
        plans = {reference for reference in self._picked if reference.startswith("MedicationRequest/")}
        for request in self._all:
            if request["resourceType"] == "MedicationRequest" and request.get("intent") == "order":
                based = {plan.get("reference") for plan in request.get("basedOn", ())}
                if based & plans:
                    self._pick(reference=f"MedicationRequest/{request['id']}")

    def _pick_consultations(self, *, encounters: Sequence[str]) -> None:
        """Pick the tree of Lists of each consultation and all that its headings and topics name."""
        named: list[str] = []
        for listed in self._lists:
            if _code(listed=listed) in CONSULTATION_LISTS and _of(listed=listed) in encounters:
                self._answer_lists.append(listed)
                named += _references(value=listed)
        for reference in named:
            self._pick(reference=reference)
        self._pick_related(prefix="consultations-", among=self._reached(start=named))

    def _reached(self, *, start: Iterable[str]) -> set[str]:
        """Return the references that can be reached from some, a plan's statement among them."""
        reached: set[str] = set()
        waiting = list(start)
        while waiting:
            reference = waiting.pop()
            if reference in reached or reference not in self._by_reference:
                continue
            reached.add(reference)
            waiting += _references(value=self._by_reference[reference])
        statements = {
            f"MedicationStatement/{r['id']}"
            for r in self._all
            if r["resourceType"] == "MedicationStatement"
            and reached.intersection(_references(value=r.get("basedOn", [])))
        }
        return reached | statements

    def _pick_related(self, *, prefix: str, among: set[str]) -> None:
        """Pick the secondary Lists of consultations or problems, narrowed to what this answer is about."""
        for listed in self._lists:
            coding = listed["code"]["coding"][0]
            if coding.get("system") != SECONDARY_LISTS or not str(coding.get("code")).startswith(prefix):
                continue
            entries = [reference for reference in _entries(listed=listed) if reference in among]
            for reference in entries:
                self._pick(reference=reference)
            if entries:
                self._answer_lists.append({**listed, "entry": [{"item": {"reference": r}} for r in entries]})


def _code(*, listed: Resource) -> str:
    return str(listed["code"]["coding"][0].get("code", ""))


def _of(*, listed: Resource) -> str:
    return str(listed.get("encounter", {}).get("reference", ""))


def _entries(*, listed: Resource) -> list[str]:
    return [
        str(entry["item"]["reference"]) for entry in listed.get("entry", ()) if "reference" in entry.get("item", {})
    ]


def _listing(*, listed: Resource, entries: Sequence[str], area: str, patients: Sequence[Resource]) -> Resource:
    """Return the primary List of an area with these entries; when there are none it says so."""
    code, term, title = PRIMARY_LISTS[area]
    answer = {name: value for name, value in listed.items() if name not in ("entry", "emptyReason")} or {
        "resourceType": "List",
        "status": "current",
        "mode": "snapshot",
        "title": title,
        "code": {"coding": [snomed(code=code, display=term)]},
        "subject": {"reference": f"Patient/{patients[0].get('id')}"} if patients else {},
    }
    if entries:
        return {**answer, "entry": [{"item": {"reference": reference}} for reference in entries]}
    notes = [note["text"] for note in answer.get("note", ()) if "text" in note]
    if not any("Information not available" in note for note in notes):
        notes.append("Information not available")
    return {**answer, "emptyReason": NO_CONTENT, "note": [{"text": " ".join(notes)}]}


def _references(*, value: Any) -> list[str]:
    """Return the relative references in a piece of JSON, leaving out links back to the patient or visit."""
    if isinstance(value, list):
        return [reference for member in value for reference in _references(value=member)]
    if not isinstance(value, dict):
        return []
    references = [value["reference"]] if isinstance(value.get("reference"), str) else []
    for name, held in value.items():
        if name not in BACK_LINKS and isinstance(held, (dict, list)):
            references += _references(value=held)
    return references


Keep = Callable[[Resource], bool]


def _filter_of(*, parameter: str, asked: Asked, by_reference: Mapping[str, Resource]) -> Keep:
    """Return what narrows the primary List of an area."""
    match parameter:
        case gp.CONSULTATIONS:
            return _within(
                asked.narrowed(parameter, "consultationSearchPeriod"), lambda r: r.get("period", {}).get("start")
            )
        case gp.UNCATEGORISED:
            return _within(
                asked.narrowed(parameter, "uncategorisedDataSearchPeriod"),
                lambda r: r.get("effectiveDateTime") or r.get("effectivePeriod", {}).get("start"),
            )
        case gp.INVESTIGATIONS:
            return _within(asked.narrowed(parameter, "investigationSearchPeriod"), lambda r: r.get("issued"))
        case gp.REFERRALS:
            return _within(asked.narrowed(parameter, "referralSearchPeriod"), lambda r: r.get("authoredOn"))
        case gp.DIARY:
            until = asked.narrowed(parameter, "diaryEntriesSearchDate")
            return _within((None, until) if isinstance(until, date) else None, lambda r: r.get("occurrenceDateTime"))
        case gp.PROBLEMS:
            status = asked.narrowed(parameter, "filterStatus")
            return lambda r: status is None or r.get("clinicalStatus") == status
        case gp.IMMUNISATIONS:
            not_given = bool(asked.narrowed(parameter, "includeNotGiven", False))
            return lambda r: not_given or not r.get("notGiven", False)
        case gp.MEDICATION:
            return _active_since(asked.narrowed(parameter, "medicationSearchFromDate"), by_reference)
    return lambda _: True


def _within(period: Part | None, dated: Callable[[Resource], Any]) -> Keep:
    """Keep what is dated within a period; what has no date is always kept, and a partial date counts as an interval."""
    if not isinstance(period, tuple):
        return lambda _: True
    start, end = (edge.isoformat() if edge else "" for edge in period)

    def keep(resource: Resource) -> bool:
        held = str(dated(resource) or "")[:10]
        width = len(held)
        return not held or ((not start or held >= start[:width]) and (not end or held <= end[:width]))

    return keep


def _active_since(since: Part | None, by_reference: Mapping[str, Resource]) -> Keep:
    """Source: "Medication search date": no end and repeat is ongoing; acute without an end is its first day only."""
    if not isinstance(since, date):
        return lambda _: True
    wanted = since.isoformat()

    def keep(statement: Resource) -> bool:
        period = statement.get("effectivePeriod", {})
        if "end" in period:
            return str(period["end"])[:10] >= wanted
        plans = [by_reference.get(reference, {}) for reference in _references(value=statement.get("basedOn", []))]
        acute = any("'code': 'acute'" in str(plan.get("extension", "")) for plan in plans)
        return not acute or str(period.get("start", ""))[:10] >= wanted

    return keep
