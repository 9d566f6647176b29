"""Each type STU3 -> R4 as a whole: which members become which, what is noted, and that all else stays as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.gp_connect.translate import translate

Json = dict[str, Any]

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
UNKNOWN: Json = {
    "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
}


def to(reference: str) -> Json:
    return {"reference": reference}


def words(text: str) -> Json:
    return {"text": text}


DOSE_STATUS: Json = {
    "url": "http://hl7.org/fhir/3.0/StructureDefinition/extension-Immunization.vaccinationProtocol.doseStatus",
    "valueCodeableConcept": words("count"),
}


# The type in STU3 and in R4 where that is another, what stays, what changes, and what is noted.
CASES: list[tuple[str, Json, Json, Json, list[str]]] = [
    (
        "MedicationAdministration",
        {"subject": to("Patient/p"), "medicationReference": to("Medication/m"), "effectiveDateTime": "2019-05-01"},
        {
            "status": "completed",
            "notGiven": True,
            "reasonNotGiven": [words("asleep")],
            "prescription": to("MedicationRequest/r"),
        },
        {"status": "not-done", "statusReason": [words("asleep")], "request": to("MedicationRequest/r")},
        [
            "MedicationAdministration.status: not-done, as notGiven says",
            "MedicationAdministration.notGiven: carried as the status",
        ],
    ),
    (
        "MedicationDispense",
        {"medicationReference": to("Medication/m")},
        {"notDone": True, "notDoneReasonCodeableConcept": words("out of stock")},
        {"status": "declined", "statusReasonCodeableConcept": words("out of stock")},
        ["MedicationDispense.notDone: carried as the status"],
    ),
    (
        "MedicationDispense",
        {"medicationReference": to("Medication/m")},
        {"notDone": True, "notDoneReasonReference": to("DetectedIssue/d")},
        {"status": "declined", "statusReasonReference": to("DetectedIssue/d")},
        ["MedicationDispense.notDone: carried as the status"],
    ),
    (
        "MedicationRequest",
        {"subject": to("Patient/p"), "medicationReference": to("Medication/m"), "status": "active"},
        {},
        {"_intent": UNKNOWN},
        ["MedicationRequest.intent: the source does not say"],
    ),
    (
        "MedicationStatement",
        {"subject": to("Patient/p"), "medicationReference": to("Medication/m")},
        {"status": "active", "taken": "n"},
        {"status": "not-taken"},
        ["MedicationStatement.status: not-taken, as taken says", "MedicationStatement.taken: carried as the status"],
    ),
    (
        "MedicationStatement",
        {"subject": to("Patient/p"), "medicationReference": to("Medication/m")},
        {"taken": "n"},
        {"status": "not-taken"},
        ["MedicationStatement.taken: carried as the status"],
    ),
    (
        "Medication",
        {},
        {"package": {"batch": [{"lotNumber": "1"}, {"lotNumber": "2"}]}},
        {"batch": {"lotNumber": "1"}},
        ["Medication.package.batch: the first of several"],
    ),
    (
        "ImmunizationRecommendation",
        {"patient": to("Patient/p")},
        {"recommendation": [{"vaccineCode": words("MMR"), "forecastStatus": words("due")}]},
        {
            "recommendation": [{"vaccineCode": [words("MMR")], "forecastStatus": words("due")}],
            "_date": UNKNOWN,
        },
        ["ImmunizationRecommendation.date: the source does not say"],
    ),
    (
        "DiagnosticReport",
        {"status": "final", "code": words("x")},
        {"performer": [{"role": words("lab")}, {"actor": to("Organization/o")}]},
        {"performer": [to("Organization/o")]},
        ["DiagnosticReport.performer.role"],
    ),
    (
        "Observation",
        {"status": "final", "code": words("bp")},
        {"related": [{"type": "of no type that is known", "target": to("Observation/1")}]},
        {},
        ["Observation.related: one of no known type, which R4 does not have"],
    ),
    (
        "ImagingStudy",
        {"series": [{"uid": "1.2.3", "modality": {"code": "CT"}}]},
        {"availability": "ONLINE", "patient": to("Patient/p")},
        {"status": "available", "subject": to("Patient/p")},
        ["ImagingStudy.availability: carried as the status"],
    ),
    (
        "Provenance",
        {"target": [to("Observation/1")], "recorded": "2019-05-01T10:00:00Z"},
        {"agent": [{"whoReference": to("Practitioner/d")}], "entity": [{"role": "source"}]},
        {"agent": [{"who": to("Practitioner/d")}], "entity": [{"role": "source", "what": UNKNOWN}]},
        ["Provenance.entity.what: the source does not say"],
    ),
    (
        "DocumentManifest",
        {"status": "current"},
        {},
        {"content": [UNKNOWN]},
        ["DocumentManifest.content: the source does not say"],
    ),
    (
        "DeviceUseStatement",
        {"status": "active", "subject": to("Patient/p"), "device": to("Device/d"), "_timingDateTime": UNKNOWN},
        {"whenUsed": {"start": "2019-05-01"}},
        {},
        ["DeviceUseStatement.whenUsed"],
    ),
    (
        "Condition",
        {"subject": to("Patient/p")},
        {"verificationStatus": "confirmed", "clinicalStatus": "active"},
        {
            "verificationStatus": {"coding": [{"system": TERMINOLOGY + "condition-ver-status", "code": "confirmed"}]},
            "clinicalStatus": {"coding": [{"system": TERMINOLOGY + "condition-clinical", "code": "active"}]},
        },
        [],
    ),
    ("CarePlan", {"status": "active", "intent": "plan", "subject": to("Patient/p")}, {}, {}, []),
    (
        "Goal",
        {"subject": to("Patient/p"), "description": words("walk")},
        {},
        {"_lifecycleStatus": UNKNOWN},
        ["Goal.lifecycleStatus: the source does not say"],
    ),
    (
        "CareTeam",
        {"status": "active", "subject": to("Patient/p")},
        {"context": to("Encounter/e")},
        {"encounter": to("Encounter/e")},
        [],
    ),
    (
        "Basic",
        {"code": words("x")},
        {"contained": [{"resourceType": "Procedure", "id": "p", "status": "aborted", "subject": to("Patient/p")}]},
        {"contained": [{"resourceType": "Procedure", "id": "p", "status": "stopped", "subject": to("Patient/p")}]},
        ["Basic.contained.status: aborted, which R4 calls stopped"],
    ),
    (
        "Encounter",
        {"status": "finished"},
        {
            "reason": [words("cough")],
            "incomingReferral": [to("ReferralRequest/r")],
            "diagnosis": [{"condition": to("Condition/c"), "role": words("main")}, {"condition": to("Condition/d")}],
        },
        {
            "diagnosis": [{"condition": to("Condition/c"), "use": words("main")}, {"condition": to("Condition/d")}],
            "reasonCode": [words("cough")],
            "basedOn": [to("ServiceRequest/r")],
            "class": UNKNOWN,
        },
        ["Encounter.class: the source does not say"],
    ),
    (
        "Procedure",
        {"subject": to("Patient/p")},
        {
            "status": "suspended",
            "context": to("Encounter/e"),
            "performer": [{"actor": to("Practitioner/d"), "role": words("surgeon")}, {"actor": to("Practitioner/d")}],
        },
        {
            "status": "on-hold",
            "performer": [
                {"actor": to("Practitioner/d"), "function": words("surgeon")},
                {"actor": to("Practitioner/d")},
            ],
            "encounter": to("Encounter/e"),
        },
        ["Procedure.status: suspended, which R4 calls on-hold"],
    ),
    (
        "Procedure",
        {"subject": to("Patient/p")},
        {"status": "completed", "notDone": True, "notDoneReason": words("refused")},
        {"status": "not-done", "statusReason": words("refused")},
        ["Procedure.status: not-done, as notDone says", "Procedure.notDone: carried as the status"],
    ),
    (
        "Procedure",
        {"status": "entered-in-error", "subject": to("Patient/p")},
        {"notDone": True},
        {},
        ["Procedure.notDone: carried as the status"],
    ),
    (
        "FamilyMemberHistory",
        {"patient": to("Patient/p"), "relationship": words("mother")},
        {"status": "completed", "notDone": True, "notDoneReason": words("unknown"), "gender": "female"},
        {
            "status": "health-unknown",
            "dataAbsentReason": words("unknown"),
            "sex": {"coding": [{"system": "http://hl7.org/fhir/administrative-gender", "code": "female"}]},
        },
        [
            "FamilyMemberHistory.status: health-unknown, as notDone says",
            "FamilyMemberHistory.notDone: carried as the status",
        ],
    ),
    (
        "CarePlan",
        {"intent": "plan", "subject": to("Patient/p")},
        {
            "status": "suspended",
            "context": to("Encounter/e"),
            "author": [to("Practitioner/d"), to("Practitioner/x")],
            "activity": [{"detail": {"status": "scheduled", "prohibited": True}}, {"reference": to("Task/t")}],
        },
        {
            "status": "on-hold",
            "activity": [{"detail": {"status": "scheduled", "doNotPerform": True}}, {"reference": to("Task/t")}],
            "encounter": to("Encounter/e"),
            "author": to("Practitioner/d"),
            "contributor": [to("Practitioner/x")],
        },
        ["CarePlan.status: suspended, which R4 calls on-hold"],
    ),
    (
        "CarePlan",
        {"status": "active", "intent": "plan", "subject": to("Patient/p")},
        {"author": [to("Practitioner/d")]},
        {"author": to("Practitioner/d")},
        [],
    ),
    (
        "Communication",
        {"subject": to("Patient/p")},
        {
            "status": "aborted",
            "context": to("Encounter/e"),
            "topic": [to("ReferralRequest/r")],
            "notDone": True,
            "notDoneReason": words("away"),
        },
        {
            "status": "not-done",
            "encounter": to("Encounter/e"),
            "about": [to("ServiceRequest/r")],
            "statusReason": words("away"),
        },
        [
            "Communication.status: aborted, which R4 calls stopped",
            "Communication.status: not-done, as notDone says",
            "Communication.notDone: carried as the status",
        ],
    ),
    (
        "Communication",
        {"status": "completed", "subject": to("Patient/p")},
        {"notDone": False},
        {},
        ["Communication.notDone: carried as the status"],
    ),
    (
        "Goal",
        {"subject": to("Patient/p"), "description": words("walk")},
        {"status": "ahead-of-target"},
        {
            "lifecycleStatus": "active",
            "achievementStatus": {
                "coding": [{"system": TERMINOLOGY + "goal-achievement", "code": "improving"}],
                "text": "ahead-of-target",
            },
        },
        [],
    ),
    (
        "Goal",
        {"subject": to("Patient/p"), "description": words("walk")},
        {"status": "achieved"},
        {
            "lifecycleStatus": "completed",
            "achievementStatus": {
                "coding": [{"system": TERMINOLOGY + "goal-achievement", "code": "achieved"}],
                "text": "achieved",
            },
        },
        [],
    ),
    (
        "Goal",
        {"subject": to("Patient/p"), "description": words("walk")},
        {"status": "rejected"},
        {"lifecycleStatus": "rejected"},
        [],
    ),
    (
        "DetectedIssue",
        {"status": "final"},
        {"category": words("duplicate"), "date": "2019-05-01"},
        {"code": words("duplicate"), "identifiedDateTime": "2019-05-01"},
        [],
    ),
    (
        "RiskAssessment",
        {"status": "final", "subject": to("Patient/p")},
        {"context": to("Encounter/e"), "reasonCodeableConcept": words("age"), "comment": "high"},
        {"encounter": to("Encounter/e"), "reasonCode": [words("age")], "note": [words("high")]},
        [],
    ),
    (
        "ClinicalImpression",
        {"subject": to("Patient/p")},
        {"status": "draft", "context": to("Encounter/e")},
        {"status": "in-progress", "encounter": to("Encounter/e")},
        ["ClinicalImpression.status: draft, which R4 calls in-progress"],
    ),
    (
        "AdverseEvent",
        {"subject": to("Patient/p")},
        {"category": "AE", "type": words("fall"), "reaction": [to("Condition/c")], "description": "fell"},
        {"actuality": "actual", "event": words("fall"), "resultingCondition": [to("Condition/c")]},
        ["AdverseEvent.category: carried as the actuality", "AdverseEvent.description"],
    ),
    (
        "AdverseEvent",
        {"subject": to("Patient/p")},
        {"category": "PAE", "type": {"coding": [{"code": "1"}]}, "description": "nearly fell"},
        {"actuality": "potential", "event": {"coding": [{"code": "1"}], "text": "nearly fell"}},
        ["AdverseEvent.category: carried as the actuality"],
    ),
    (
        "AdverseEvent",
        {"subject": to("Patient/p")},
        {"description": "fell"},
        {"event": words("fell"), "_actuality": UNKNOWN},
        ["AdverseEvent.actuality: the source does not say"],
    ),
    (
        "Appointment",
        {"status": "booked", "participant": [{"actor": to("Patient/p"), "status": "accepted"}]},
        {"reason": [words("cough")], "indication": [to("Condition/c")], "incomingReferral": [to("ReferralRequest/r")]},
        {"reasonCode": [words("cough")], "reasonReference": [to("Condition/c")], "basedOn": [to("ServiceRequest/r")]},
        [],
    ),
    (
        "ChargeItem",
        {"status": "billable", "code": words("x"), "subject": to("Patient/p")},
        {"participant": [{"role": words("surgeon"), "actor": to("Practitioner/d")}]},
        {"performer": [{"actor": to("Practitioner/d"), "function": words("surgeon")}]},
        [],
    ),
    (
        "AuditEvent",
        {"type": {"code": "rest"}, "recorded": "2019-05-01T10:00:00Z"},
        {
            "agent": [{"requestor": True, "reference": to("Practitioner/d")}],
            "source": {"identifier": {"value": "s"}},
            "entity": [{"reference": to("Patient/p"), "detail": [{"type": "a", "value": "YQ=="}]}],
        },
        {
            "agent": [{"requestor": True, "who": to("Practitioner/d")}],
            "source": {"observer": UNKNOWN},
            "entity": [{"detail": [{"type": "a", "valueBase64Binary": "YQ=="}], "what": to("Patient/p")}],
        },
        ["AuditEvent.source.identifier", "AuditEvent.source.observer: the source does not say"],
    ),
    (
        "DeviceUseStatement",
        {"status": "active", "subject": to("Patient/p"), "device": to("Device/d")},
        {"indication": [words("pain")], "whenUsed": {"start": "2019-05-01"}},
        {"reasonCode": [words("pain")], "timingPeriod": {"start": "2019-05-01"}},
        [],
    ),
    (
        "DeviceUseStatement",
        {"status": "active", "subject": to("Patient/p"), "device": to("Device/d"), "timingDateTime": "2019-05-01"},
        {"whenUsed": {"start": "2019-05-01"}},
        {},
        ["DeviceUseStatement.whenUsed"],
    ),
    (
        "HealthcareService",
        {},
        {"eligibility": words("adults"), "eligibilityNote": "over 18", "programName": ["a", "b"]},
        {"program": [words("a"), words("b")], "eligibility": [{"code": words("adults"), "comment": "over 18"}]},
        [],
    ),
    ("HealthcareService", {}, {"eligibilityNote": "over 18"}, {"eligibility": [{"comment": "over 18"}]}, []),
    ("HealthcareService", {}, {"eligibility": words("adults")}, {"eligibility": [{"code": words("adults")}]}, []),
    (
        "Device",
        {},
        {"version": "2", "model": "M", "udi": {"deviceIdentifier": "1", "name": "pump"}},
        {
            "modelNumber": "M",
            "deviceName": [{"name": "pump", "type": "udi-label-name"}],
            "udiCarrier": [{"deviceIdentifier": "1"}],
            "version": [{"value": "2"}],
        },
        [],
    ),
    ("Device", {}, {"udi": {"name": "pump"}}, {"deviceName": [{"name": "pump", "type": "udi-label-name"}]}, []),
    ("Device", {}, {"version": "2"}, {"version": [{"value": "2"}]}, []),
    (
        "CommunicationRequest",
        {"reasonCode": [words("x")]},
        {
            "status": "cancelled",
            "context": to("Encounter/e"),
            "topic": [to("ReferralRequest/r")],
            "requester": {"agent": to("Practitioner/d"), "onBehalfOf": to("Organization/o")},
        },
        {
            "status": "revoked",
            "encounter": to("Encounter/e"),
            "about": [to("ServiceRequest/r")],
            "requester": to("Practitioner/d"),
        },
        ["CommunicationRequest.status: cancelled, which R4 calls revoked", "CommunicationRequest.requester.onBehalfOf"],
    ),
    (
        "DeviceRequest",
        {
            "status": "active",
            "subject": to("Patient/p"),
            "codeCodeableConcept": words("bed"),
            "reasonReference": [to("Condition/c")],
        },
        {"intent": {"coding": [{"system": "http://hl7.org/fhir/request-intent", "code": "order"}]}},
        {"intent": "order"},
        ["DeviceRequest.intent: its code alone"],
    ),
    (
        "DeviceRequest",
        {"subject": to("Patient/p"), "codeCodeableConcept": words("bed")},
        {
            "status": "suspended",
            "intent": words("order"),
            "requester": {"agent": to("Practitioner/d"), "onBehalfOf": to("Organization/o")},
        },
        {"status": "on-hold", "requester": to("Practitioner/d"), "_intent": UNKNOWN},
        [
            "DeviceRequest.status: suspended, which R4 calls on-hold",
            "DeviceRequest.requester.onBehalfOf",
            "DeviceRequest.intent",
            "DeviceRequest.intent: the source does not say",
        ],
    ),
    (
        "RequestGroup",
        {"intent": "plan"},
        {
            "status": "suspended",
            "context": to("Encounter/e"),
            "reasonCodeableConcept": words("r"),
            "reasonReference": to("Condition/c"),
        },
        {
            "status": "on-hold",
            "encounter": to("Encounter/e"),
            "reasonCode": [words("r")],
            "reasonReference": [to("Condition/c")],
        },
        ["RequestGroup.status: suspended, which R4 calls on-hold"],
    ),
    (
        "Task",
        {"status": "requested", "intent": "order"},
        {
            "context": to("Encounter/e"),
            "reason": words("x"),
            "definitionUri": "http://a.example/d",
            "requester": {"agent": to("Practitioner/d")},
        },
        {
            "encounter": to("Encounter/e"),
            "reasonCode": words("x"),
            "instantiatesUri": "http://a.example/d",
            "requester": to("Practitioner/d"),
        },
        [],
    ),
    (
        "SupplyRequest",
        {"status": "active"},
        {
            "orderedItem": {"quantity": {"value": 2}, "itemCodeableConcept": words("bed")},
            "requester": {"agent": to("Practitioner/d")},
        },
        {"quantity": {"value": 2}, "itemCodeableConcept": words("bed"), "requester": to("Practitioner/d")},
        [],
    ),
    (
        "SupplyRequest",
        {},
        {
            "orderedItem": {"quantity": {"value": 2}, "itemReference": to("Device/d"), "id": "i"},
            "reasonCodeableConcept": words("r"),
        },
        {"quantity": {"value": 2}, "itemReference": to("Device/d"), "reasonCode": [words("r")]},
        ["SupplyRequest.orderedItem.id"],
    ),
    (
        "NutritionOrder",
        {"patient": to("Patient/p"), "dateTime": "2019-05-01", "encounter": to("Encounter/e")},
        {"status": "planned"},
        {"status": "active", "intent": "plan"},
        ["NutritionOrder.status: planned, which R4 calls active"],
    ),
    (
        "NutritionOrder",
        {"patient": to("Patient/p"), "dateTime": "2019-05-01"},
        {"status": "proposed"},
        {"status": "draft", "intent": "proposal"},
        ["NutritionOrder.status: proposed, which R4 calls draft"],
    ),
    (
        "NutritionOrder",
        {"patient": to("Patient/p"), "dateTime": "2019-05-01"},
        {"status": "requested"},
        {"status": "active", "intent": "order"},
        ["NutritionOrder.status: requested, which R4 calls active"],
    ),
    (
        "NutritionOrder",
        {"patient": to("Patient/p"), "dateTime": "2019-05-01"},
        {"status": "suspended"},
        {"status": "on-hold", "_intent": UNKNOWN},
        ["NutritionOrder.status: suspended, which R4 calls on-hold", "NutritionOrder.intent: the source does not say"],
    ),
    (
        "ReferralRequest -> ServiceRequest",
        {"intent": "order", "subject": to("Patient/p")},
        {
            "status": "suspended",
            "context": to("Encounter/e"),
            "groupIdentifier": {"value": "g"},
            "specialty": words("cardiology"),
            "recipient": [to("Practitioner/d")],
            "type": words("referral"),
            "serviceRequested": [words("echo"), words("ecg")],
            "description": "Dear",
            "note": [words("n")],
            "requester": {"agent": to("Practitioner/d"), "onBehalfOf": to("Organization/o")},
        },
        {
            "status": "on-hold",
            "note": [words("Dear"), words("n")],
            "requisition": {"value": "g"},
            "performerType": words("cardiology"),
            "performer": [to("Practitioner/d")],
            "category": [words("referral")],
            "code": words("echo"),
            "orderDetail": [words("ecg")],
            "encounter": to("Encounter/e"),
            "requester": to("Practitioner/d"),
        },
        ["ReferralRequest.status: suspended, which R4 calls on-hold", "ReferralRequest.requester.onBehalfOf"],
    ),
    (
        "ReferralRequest -> ServiceRequest",
        {"status": "active", "intent": "order", "subject": to("Patient/p")},
        {"serviceRequested": [words("echo")]},
        {"code": words("echo")},
        [],
    ),
    (
        "ReferralRequest -> ServiceRequest",
        {"status": "active", "intent": "order", "subject": to("Patient/p")},
        {"description": "Dear"},
        {"note": [words("Dear")]},
        [],
    ),
    (
        "ProcedureRequest -> ServiceRequest",
        {"intent": "order", "subject": to("Patient/p"), "code": words("bp")},
        {"status": "cancelled", "requester": {"onBehalfOf": to("Organization/o")}},
        {"status": "revoked", "requester": to("Organization/o")},
        ["ProcedureRequest.status: cancelled, which R4 calls revoked"],
    ),
    (
        "Observation",
        {"status": "final", "code": words("bp")},
        {
            "context": to("Encounter/e"),
            "comment": "c",
            "related": [
                {"type": "has-member", "target": to("Observation/1")},
                {"type": "derived-from", "target": to("Media/1")},
                {"type": "has-member", "target": to("Media/1")},
                {"type": "replaces", "target": to("Observation/2")},
                {"target": to("Observation/2")},
            ],
        },
        {
            "encounter": to("Encounter/e"),
            "note": [words("c")],
            "hasMember": [to("Observation/1")],
            "derivedFrom": [to("Media/1")],
        },
        [
            "Observation.related.type: carried as hasMember",
            "Observation.related.type: carried as derivedFrom",
            "Observation.related: has-member, which R4 does not have",
            "Observation.related: replaces, which R4 does not have",
            "Observation.related: one of no type, which R4 does not have",
        ],
    ),
    (
        "Observation",
        {"status": "final", "code": words("bp")},
        {
            "related": [
                {"type": "has-member", "target": to("urn:uuid:11111111-1111-4111-8111-111111111111")},
                {"type": "derived-from", "target": to("https://a.example/fhir/Observation/1/_history/2")},
                {"type": "qualified-by", "target": to("Observation/2")},
            ]
        },
        {
            "hasMember": [to("urn:uuid:11111111-1111-4111-8111-111111111111")],
            "derivedFrom": [to("https://a.example/fhir/Observation/1/_history/2")],
        },
        [
            "Observation.related.type: carried as hasMember",
            "Observation.related.type: carried as derivedFrom",
            "Observation.related: qualified-by, which R4 does not have",
        ],
    ),
    (
        "DiagnosticReport",
        {"status": "final", "code": words("fbc")},
        {
            "context": to("Encounter/e"),
            "codedDiagnosis": [words("anaemia")],
            "performer": [{"role": words("lab"), "actor": to("Organization/o")}],
            "image": [{"link": to("Media/m")}],
        },
        {
            "encounter": to("Encounter/e"),
            "conclusionCode": [words("anaemia")],
            "media": [{"link": to("Media/m")}],
            "performer": [to("Organization/o")],
        },
        ["DiagnosticReport.performer.role"],
    ),
    (
        "DiagnosticReport",
        {"status": "final", "code": words("fbc")},
        {"performer": [{"role": words("lab"), "actor": to("Organization/o")}, {"actor": to("Practitioner/d")}]},
        {"performer": [to("Organization/o"), to("Practitioner/d")]},
        ["DiagnosticReport.performer.role"],
    ),
    (
        "ImagingStudy",
        {},
        {
            "uid": "urn:oid:1.2",
            "patient": to("Patient/p"),
            "context": to("Encounter/e"),
            "accession": {"value": "A1"},
            "availability": "ONLINE",
            "modalityList": [{"code": "CT"}],
            "reason": words("pain"),
            "series": [
                {
                    "uid": "urn:oid:1.3",
                    "modality": {"code": "CT"},
                    "performer": [to("Practitioner/d")],
                    "instance": [{"uid": "urn:oid:1.4", "sopClass": "urn:oid:1.5"}],
                }
            ],
        },
        {
            "series": [
                {
                    "uid": "1.3",
                    "modality": {"code": "CT"},
                    "instance": [{"uid": "1.4", "sopClass": {"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.5"}}],
                    "performer": [{"actor": to("Practitioner/d")}],
                }
            ],
            "subject": to("Patient/p"),
            "encounter": to("Encounter/e"),
            "modality": [{"code": "CT"}],
            "identifier": [
                {"value": "A1", "type": {"coding": [{"system": TERMINOLOGY + "v2-0203", "code": "ACSN"}]}},
                {"system": "urn:dicom:uid", "value": "urn:oid:1.2"},
            ],
            "reasonCode": [words("pain")],
            "status": "available",
        },
        [
            "ImagingStudy.availability: carried as the status",
            "ImagingStudy.series.uid: without urn:oid:",
            "ImagingStudy.series.instance.uid: without urn:oid:",
        ],
    ),
    (
        "ImagingStudy",
        {},
        {"uid": "urn:oid:1.2", "patient": to("Patient/p"), "availability": "OFFLINE"},
        {
            "subject": to("Patient/p"),
            "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2"}],
            "status": "unknown",
        },
        ["ImagingStudy.availability", "ImagingStudy.status: the source does not say"],
    ),
    (
        "Media",
        {"content": {"title": "t"}},
        {"type": "photo", "subtype": words("x-ray"), "context": to("Encounter/e"), "occurrenceDateTime": "2019-05-01"},
        {
            "encounter": to("Encounter/e"),
            "modality": words("x-ray"),
            "createdDateTime": "2019-05-01",
            "type": {"coding": [{"system": TERMINOLOGY + "media-type", "code": "image"}], "text": "photo"},
            "status": "unknown",
        },
        ["Media.status: the source does not say"],
    ),
    (
        "Media",
        {"content": {"title": "t"}},
        {"type": "video", "occurrencePeriod": {"start": "2019-05-01"}},
        {
            "createdPeriod": {"start": "2019-05-01"},
            "type": {"coding": [{"system": TERMINOLOGY + "media-type", "code": "video"}], "text": "video"},
            "status": "unknown",
        },
        ["Media.status: the source does not say"],
    ),
    (
        "Immunization",
        {"status": "completed", "vaccineCode": words("MMR"), "patient": to("Patient/p"), "primarySource": True},
        {
            "notGiven": False,
            "date": "2019-05-01",
            "practitioner": [{"role": words("AP"), "actor": to("Practitioner/d")}],
            "explanation": {"reason": [words("travel")]},
            "vaccinationProtocol": [
                {
                    "doseSequence": 1,
                    "seriesDoses": 2,
                    "series": "s",
                    "authority": to("Organization/o"),
                    "targetDisease": [words("measles")],
                    "doseStatus": words("count"),
                    "description": "d",
                }
            ],
        },
        {
            "occurrenceDateTime": "2019-05-01",
            "performer": [{"actor": to("Practitioner/d"), "function": words("AP")}],
            "reasonCode": [words("travel")],
            "protocolApplied": [
                {
                    "series": "s",
                    "authority": to("Organization/o"),
                    "targetDisease": [words("measles")],
                    "doseNumberPositiveInt": 1,
                    "seriesDosesPositiveInt": 2,
                    "extension": [DOSE_STATUS],
                }
            ],
        },
        [
            "Immunization.notGiven: carried as the status",
            "Immunization.vaccinationProtocol.doseStatus: carried as an extension",
            "Immunization.vaccinationProtocol.description",
        ],
    ),
    (
        "Immunization",
        {"vaccineCode": words("MMR"), "patient": to("Patient/p"), "primarySource": True},
        {
            "status": "completed",
            "notGiven": True,
            "explanation": {"reasonNotGiven": [words("a"), words("b")]},
            "vaccinationProtocol": [{"targetDisease": [words("measles")], "doseStatus": words("count")}],
        },
        {
            "status": "not-done",
            "occurrenceString": "Date not recorded",
            "statusReason": words("a"),
            "protocolApplied": [
                {
                    "targetDisease": [words("measles")],
                    "doseNumberString": "Not recorded",
                    "extension": [DOSE_STATUS],
                }
            ],
        },
        [
            "Immunization.status: not-done, as notGiven says",
            "Immunization.notGiven: carried as the status",
            "Immunization.date: the source does not say",
            "Immunization.explanation.reasonNotGiven: the first of several",
            "Immunization.vaccinationProtocol.doseStatus: carried as an extension",
        ],
    ),
    (
        "ImmunizationRecommendation",
        {"patient": to("Patient/p")},
        {
            "recommendation": [
                {"date": "2019-05-01", "vaccineCode": words("MMR"), "doseNumber": 2, "forecastStatus": words("due")},
                {"date": "2019-06-01", "vaccineCode": words("flu"), "forecastStatus": words("due")},
            ]
        },
        {
            "recommendation": [
                {"forecastStatus": words("due"), "doseNumberPositiveInt": 2, "vaccineCode": [words("MMR")]},
                {"forecastStatus": words("due"), "vaccineCode": [words("flu")]},
            ],
            "date": "2019-05-01",
        },
        ["ImmunizationRecommendation.recommendation.date: the first of several"],
    ),
    (
        "ImmunizationRecommendation",
        {"patient": to("Patient/p")},
        {
            "recommendation": [
                {"date": "2019-05-01", "vaccineCode": words("MMR"), "forecastStatus": words("due")},
                {"date": "2019-05-01", "vaccineCode": words("flu"), "forecastStatus": words("due")},
            ]
        },
        {
            "recommendation": [
                {"forecastStatus": words("due"), "vaccineCode": [words("MMR")]},
                {"forecastStatus": words("due"), "vaccineCode": [words("flu")]},
            ],
            "date": "2019-05-01",
        },
        [],
    ),
    (
        "DocumentReference",
        {"status": "current", "type": words("letter")},
        {
            "class": words("note"),
            "indexed": "2019-05-01T10:00:00Z",
            "created": "2019-04-01",
            "content": [{"attachment": {"title": "x", "data": "YQ==", "size": 2}}],
            "context": {
                "related": [{"identifier": {"value": "1"}, "ref": to("Condition/c")}, {"identifier": {"value": "2"}}]
            },
        },
        {
            "content": [{"attachment": {"title": "x", "data": "YQ==", "size": 2, "creation": "2019-04-01"}}],
            "context": {
                "related": [{"reference": "Condition/c", "identifier": {"value": "1"}}, {"identifier": {"value": "2"}}]
            },
            "date": "2019-05-01T10:00:00Z",
            "category": [words("note")],
        },
        ["DocumentReference.content.attachment.size: not the length of what is there"],
    ),
    (
        "DocumentReference",
        {
            "status": "current",
            "type": words("letter"),
            "content": [{"attachment": {"title": "x", "creation": "2019-03-01"}}, {"attachment": {"title": "y"}}],
        },
        {"indexed": "2019-05-01T10:00:00Z", "created": "2019-04-01"},
        {"date": "2019-05-01T10:00:00Z"},
        ["DocumentReference.created"],
    ),
    (
        "DocumentReference",
        {"status": "current", "type": words("letter"), "content": [{"attachment": {"data": "YQ==", "size": 1}}]},
        {"indexed": "2019-05-01T10:00:00Z", "context": {"encounter": to("Encounter/e")}},
        {"context": {"encounter": [to("Encounter/e")]}, "date": "2019-05-01T10:00:00Z"},
        [],
    ),
    ("Binary", {"contentType": "text/plain"}, {"content": "YQ=="}, {"data": "YQ=="}, []),
    (
        "QuestionnaireResponse",
        {"status": "completed"},
        {"context": to("Encounter/e"), "parent": [to("Procedure/p")]},
        {"encounter": to("Encounter/e"), "partOf": [to("Procedure/p")]},
        [],
    ),
    (
        "Composition",
        {
            "status": "final",
            "type": words("x"),
            "subject": to("Patient/p"),
            "date": "2019-05-01",
            "author": [to("Practitioner/d")],
            "title": "t",
        },
        {"class": words("y")},
        {"category": [words("y")]},
        [],
    ),
    (
        "DocumentManifest",
        {"status": "current"},
        {"content": [{"pReference": to("DocumentReference/d")}, {"pAttachment": {"title": "x"}}]},
        {"content": [to("DocumentReference/d")]},
        ["DocumentManifest.content.pAttachment"],
    ),
    (
        "Provenance",
        {"target": [to("Patient/p")], "recorded": "2019-05-01T10:00:00Z"},
        {
            "period": {"start": "2019-05-01"},
            "agent": [{"whoReference": to("Practitioner/d"), "onBehalfOfUri": "http://o.example"}],
            "entity": [
                {"role": "source", "whatIdentifier": {"value": "1"}, "agent": [{"whoUri": "http://a.example"}]},
                {"role": "source", "whatReference": to("Patient/p")},
            ],
        },
        {
            "agent": [{"who": to("Practitioner/d"), "onBehalfOf": {"identifier": {"value": "http://o.example"}}}],
            "entity": [
                {
                    "role": "source",
                    "agent": [{"who": {"identifier": {"value": "http://a.example"}}}],
                    "what": {"identifier": {"value": "1"}},
                },
                {"role": "source", "what": to("Patient/p")},
            ],
            "occurredPeriod": {"start": "2019-05-01"},
        },
        [],
    ),
    (
        "Provenance",
        {"target": [to("Patient/p")], "recorded": "2019-05-01T10:00:00Z"},
        {
            "agent": [{"whoUri": "http://a.example", "onBehalfOfReference": to("Organization/o")}],
            "entity": [{"role": "source", "whatUri": "http://b.example"}],
        },
        {
            "agent": [{"who": {"identifier": {"value": "http://a.example"}}, "onBehalfOf": to("Organization/o")}],
            "entity": [{"role": "source", "what": {"identifier": {"value": "http://b.example"}}}],
        },
        [],
    ),
    (
        "Questionnaire",
        {"status": "active"},
        {
            "item": [
                {
                    "linkId": "1",
                    "type": "choice",
                    "options": to("ValueSet/v"),
                    "option": [{"valueString": "a"}],
                    "initialString": "a",
                    "enableWhen": [{"question": "0", "hasAnswer": True}, {"question": "0", "answerString": "a"}],
                    "item": [{"linkId": "1.1", "type": "string", "initialBoolean": True}],
                }
            ]
        },
        {
            "item": [
                {
                    "linkId": "1",
                    "type": "choice",
                    "enableWhen": [
                        {"question": "0", "operator": "exists", "answerBoolean": True},
                        {"question": "0", "answerString": "a", "operator": "="},
                    ],
                    "item": [{"linkId": "1.1", "type": "string", "initial": [{"valueBoolean": True}]}],
                    "answerValueSet": "ValueSet/v",
                    "answerOption": [{"valueString": "a"}],
                    "initial": [{"valueString": "a"}],
                }
            ]
        },
        [],
    ),
    (
        "Questionnaire",
        {"status": "active"},
        {
            "item": [
                {
                    "linkId": "1",
                    "type": "choice",
                    "options": {"reference": "ValueSet/v", "display": "d"},
                    "enableWhen": [{"question": "0", "hasAnswer": True, "answerString": "a"}],
                    "item": [{"linkId": "1.1", "type": "choice", "options": {"display": "d"}}],
                }
            ]
        },
        {
            "item": [
                {
                    "linkId": "1",
                    "type": "choice",
                    "enableWhen": [{"question": "0", "answerString": "a", "operator": "="}],
                    "item": [{"linkId": "1.1", "type": "choice"}],
                    "answerValueSet": "ValueSet/v",
                }
            ]
        },
        [
            "Questionnaire.item.options.display",
            "Questionnaire.item.enableWhen.hasAnswer",
            "Questionnaire.item.item.options.display",
        ],
    ),
]


@pytest.mark.parametrize(("kind", "same", "sent", "made", "notes"), CASES, ids=lambda value: json.dumps(value)[:60])
def test_a_type_is_translated_whole(kind: str, same: Json, sent: Json, made: Json, notes: list[str]) -> None:
    earlier, _, later = kind.partition(" -> ")
    translation = translate(resource={"resourceType": earlier, "id": "x1", **same, **sent})
    assert translation.resource == {"resourceType": later or earlier, "id": "x1", **same, **made}
    assert list(translation.notes) == notes


def test_what_is_of_no_type_that_is_translated_is_not_taken_for_one() -> None:
    with pytest.raises(ValueError, match="not a type that is translated"):
        translate(resource={"resourceType": "Nonsense"})
