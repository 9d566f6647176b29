"""A showing of a record -> a FHIR R4 searchset. Pure.

Every item is returned as its source sent it (or as translated), with an id and references of this service, and its
origin in `meta.source`. References to anything that is not in the answer become logical ones, so that none dangles.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from aggregator.accounts.scopes import Scopes
from aggregator.api.fhir.patient_resource import identity_issues, patient_resource
from aggregator.api.fhir.rendering import issue, outcome
from aggregator.record.completeness.claims import WHOLE_ANSWERS, SourceStatus
from aggregator.record.completeness.words import doubts_about_source, in_words, issue_code, remarks_on_source
from aggregator.record.item import Item
from aggregator.record.references import Targets, target_of
from aggregator.services.view_record import RecordView
from fhir_data import exact_json
from fhir_data.access import mappings
from fhir_data.references import with_objects_changed, without_version

PARTICIPANT_TYPE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Names:
    """How references are rewritten: `targets` finds the item meant, and `addresses` its new address by item id."""

    targets: Targets
    addresses: Mapping[str, str]
    patient: str


def everything(*, view: RecordView, base: str) -> Json:
    """Return the searchset of `Patient/$everything`: patient, items, what they refer to, provenance, outcome.

    Source: FHIR R4 Patient-everything; IHE QEDm (Provenance); outcomes as in `docs/outcomes.md`.
    """
    entries = [
        (item, entry.key) for section in view.record.sections for entry in section.entries for item in entry.items
    ]
    referenced = [item for item in view.record.supporting if _is_valid_on_its_own(item)]
    shown = [item for item, _ in entries] + referenced
    patient = patient_resource(person=view.person)
    if view.is_whereabouts_restricted:
        patient = {name: value for name, value in patient.items() if name not in {"address", "telecom"}}
    names = _names(items=shown, patient=f"Patient/{patient['id']}")
    clinical = [_item_resource(item=item, names=names, base=base, entry_key=key) for item, key in entries]
    supporting = [_item_resource(item=item, names=names, base=base, entry_key="") for item in referenced]
    matches = [patient, *clinical]
    included = [*supporting, *_provenances(view=view, items=shown, names=names)]
    if view.scopes is not None:  # what is made here is read by type as everything else is
        included = [resource for resource in included if view.scopes.may_read(resource["resourceType"])]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": view.shown_at.isoformat(),
        "total": len(matches),
        "link": [{"relation": "self", "url": f"{base}/Patient/{patient['id']}/$everything"}],
        "entry": [
            *(_entry(resource, base=base, mode="match") for resource in matches),
            *(_entry(resource, base=base, mode="include") for resource in included),
            {
                "fullUrl": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{base}/outcome/{view.retrieval_id}')}",
                "resource": completeness_outcome(view=view),
                "search": {"mode": "outcome"},
            },
        ],
    }


def completeness_outcome(*, view: RecordView) -> Json:
    """Return the OperationOutcome that says which sources were asked and how each ended."""
    issues = [_source_issue(status) for status in view.sources]
    if view.withheld:
        words = "Some information is not shown because of confidentiality."
        issues.append(issue(severity="warning", code="suppressed", diagnostics=words))
    if view.is_whereabouts_restricted:
        words = (
            "Where the patient lives and how to reach them is left out: a source marks this as restricted. Letters and "
            "other free text are given as they came, and may tell it."
        )
        issues.append(issue(severity="warning", code="suppressed", diagnostics=words))
    if not issues:
        words = "No source is known to hold a record of this patient that you may see."
        issues.append(issue(severity="warning", code="incomplete", diagnostics=words))
    if view.scopes is not None and not view.scopes.reads_every_type:
        issues.append(_scope_issue(view.scopes))
    issues.extend(identity_issues(person=view.person))
    issues.extend(_flaw_issues(view))
    return outcome(issues=issues)


def _scope_issue(scopes: Scopes) -> Json:
    """Return what the token is for: the same whatever the record holds."""
    readable = ", ".join(scopes.readable_types)
    words = (
        f"The access token covers only these types: {readable}. Resources of other types, and references to them, are "
        "left out of this answer, whether or not there are any."
    )
    return issue(severity="warning", code="incomplete", diagnostics=words)


def _flaw_issues(view: RecordView) -> list[Json]:
    """Return for each source how many resources it sent that are not as the standard says."""
    sent = Counter(
        item.source_id
        for section in view.record.sections
        for entry in section.entries
        for item in entry.items
        if item.flaws
    )
    issues = []
    for status in view.sources:
        if count := sent[status.source_id]:
            resources = "1 resource is" if count == 1 else f"{count} resources are"
            words = f"{status.name}: {resources} not as the standard says; each is tagged with what is wrong."
            issues.append(issue(severity="warning", code="structure", diagnostics=words))
    return issues


def _source_issue(status: SourceStatus) -> Json:
    remarks = remarks_on_source(status=status)
    whole = status.outcome in WHOLE_ANSWERS and not doubts_about_source(status=status)
    code = "incomplete"
    if status.outcome and (whole or status.outcome not in WHOLE_ANSWERS):
        code = issue_code(outcome=status.outcome, reason=status.reason)
    diagnostics = " ".join([f"{status.name}: {in_words(status=status)}.", *remarks])
    return issue(severity="information" if whole else "warning", code=code, diagnostics=diagnostics)


def _is_valid_on_its_own(item: Item) -> bool:
    """Return whether R4 allows a supporting item: an organisation needs a name or an identifier.

    Practices send organisations without either; references to one become logical. Source: FHIR R4, org-1.
    """
    resource: Json = json.loads(item.resource)
    return resource.get("resourceType") != "Organization" or bool(resource.get("name") or resource.get("identifier"))


def _names(*, items: list[Item], patient: str) -> _Names:
    kinds = {item.id: target_of(item=item).partition("/")[0] for item in items}
    addresses = {item_id: f"{kind}/{item_id}" for item_id, kind in kinds.items() if kind}
    return _Names(targets=Targets(items=items), addresses=addresses, patient=patient)


def _item_resource(*, item: Item, names: _Names, base: str, entry_key: str) -> Json:
    def point(members: Json) -> Json:
        members = _with_addresses(members, item=item, names=names, base=base)
        reference = members.get("reference")
        if not isinstance(reference, str) or reference.startswith("#"):
            return members
        others = {name: value for name, value in members.items() if name != "reference"}
        # What its source tells of whom it means, by an identifier, says more than that source's own address.
        return {**_reference(reference, item=item, names=names), **others}

    rewritten: Json = with_objects_changed(exact_json.decode(item.resource), change=point)
    meta = dict(rewritten.get("meta") or {})
    meta["source"] = f"urn:uuid:{UUID(item.source_id)}"
    tags = [{"system": f"{base}/entry", "code": entry_key}] if entry_key else []
    tags += [{"system": f"{base}/flaw", "code": flaw.reason, "display": flaw.words} for flaw in item.flaws]
    if tags:
        meta["tag"] = [*mappings(meta.get("tag")), *tags]
    kind = rewritten.pop("resourceType")
    rewritten.pop("id", None)
    rewritten.pop("meta", None)
    return {"resourceType": kind, "id": item.id, "meta": meta, **rewritten}


# Where an object has an address of another resource as plain text. Source: FHIR R4, Attachment.url, Extension.value[x].
_ADDRESSES = ("valueUri", "valueUrl")


def _with_addresses(members: Json, *, item: Item, names: _Names, base: str) -> Json:
    """Return an object in which an address of what is in the answer, such as a letter's content, leads to it here."""
    places = (*_ADDRESSES, "url") if "contentType" in members or "title" in members else _ADDRESSES
    found = dict(members)
    for name in places:
        address = members.get(name)
        targets = names.targets.find(item=item, reference=address) if isinstance(address, str) else ()
        if targets and (path := names.addresses.get(targets[0].id)):
            found[name] = f"{base}/{path}"
    return found


def _reference(reference: str, *, item: Item, names: _Names) -> Json:
    """Return a rewritten or a logical reference. Only one that is known to mean the patient points to the patient."""
    if reference in item.subject_references:
        return {"reference": names.patient}
    targets = names.targets.find(item=item, reference=reference)
    address = names.addresses.get(targets[0].id) if targets else None
    if address:
        return {"reference": address}
    return {"identifier": {"system": f"urn:uuid:{UUID(item.source_id)}", "value": without_version(reference=reference)}}


def _provenances(*, view: RecordView, items: list[Item], names: _Names) -> list[Json]:
    """Return one Provenance per source that sent something: which of these resources came from it."""
    provenances = []
    for status in view.sources:
        targets = [
            names.addresses[item.id]
            for item in items
            if item.source_id == status.source_id and item.id in names.addresses
        ]
        if not targets or status.answered_at is None:
            continue
        identifier = uuid5(NAMESPACE_URL, f"{view.retrieval_id}/{status.source_id}")
        provenances.append(
            {
                "resourceType": "Provenance",
                "id": str(identifier),
                "target": [{"reference": target} for target in dict.fromkeys(targets)],
                "recorded": status.answered_at.isoformat(),
                "agent": [
                    {
                        "type": {"coding": [{"system": PARTICIPANT_TYPE, "code": "custodian", "display": "Custodian"}]},
                        "who": {"display": status.name, "identifier": {"value": status.source_id}},
                    }
                ],
            }
        )
    return provenances


def _entry(resource: Json, *, base: str, mode: str) -> Json:
    address = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": address, "resource": resource, "search": {"mode": mode}}
