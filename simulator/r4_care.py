"""Writes visits, operations, vaccinations, referrals, appointments, papers, plans and alerts as R4 resources."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from simulator.codes import Concept
from simulator.facts import Alert, Event, Holding, Paper, Plan, Referral, Visit
from simulator.pdf import pdf_of
from simulator.r4_page import TERMINOLOGY, Page, at, coded
from simulator.wire import Resource

SETTINGS = {"AMB": "ambulatory", "EMER": "emergency", "IMP": "inpatient encounter", "HH": "home health"}
CARE_PLAN = Concept(term="Care plan", snomed="734163000")


def write_care(*, page: Page, holding: Holding) -> None:
    """Write what the source did, planned and noted onto the page."""
    for visit in holding.visits:
        page.add(_encounter(page=page, visit=visit))
    for operation in holding.operations:
        page.add(_procedure(page=page, operation=operation))
    for vaccination in holding.vaccinations:
        page.add(_immunisation(page=page, vaccination=vaccination))
    for referral in holding.referrals:
        page.add(_referral(page=page, referral=referral))
    for appointment in holding.appointments:
        page.add(_appointment(page=page, appointment=appointment))
    for paper in holding.papers:
        page.add(_document(page=page, paper=paper))
    for plan in holding.plans:
        page.add(_care_plan(page=page, plan=plan))
    for alert in holding.alerts:
        page.add(_flag(page=page, alert=alert))


def _encounter(*, page: Page, visit: Visit) -> Resource:
    setting = visit.kind.setting
    return page.new(kind="Encounter", key=visit.key) | {
        "status": "finished",
        "class": {"system": f"{TERMINOLOGY}/v3-ActCode", "code": setting, "display": SETTINGS[setting]},
        "type": [page.codeable(concept=visit.kind.type, codes=("snomed",))],
        "subject": page.patient,
        "participant": [{"individual": page.clinician(key=visit.key)}],
        "period": {"start": at(moment=visit.started_at), "end": at(moment=visit.ended_at)},
        "reasonCode": [page.codeable(concept=visit.reason, codes=page.source.habits.problem_codes)],
        "location": [{"location": {"reference": f"Location/{page.source.ods}-main"}}],
        "serviceProvider": page.organisation,
    }


def _procedure(*, page: Page, operation: Event) -> Resource:
    return page.new(kind="Procedure", key=operation.key) | {
        "status": "completed",
        "code": page.codeable(concept=operation.concept, codes=("snomed", "opcs4")),
        "subject": page.patient,
        "performedDateTime": page.dated(on=operation.on),
        "performer": [{"actor": page.clinician(key=operation.key)}],
    }


def _immunisation(*, page: Page, vaccination: Event) -> Resource:
    return page.new(kind="Immunization", key=vaccination.key) | {
        "status": "completed",
        "vaccineCode": page.codeable(concept=vaccination.concept, codes=("snomed",)),
        "patient": page.patient,
        "occurrenceDateTime": page.dated(on=vaccination.on),
        "primarySource": True,
        "lotNumber": vaccination.note,
        "performer": [{"actor": page.clinician(key=vaccination.key)}],
    }


def _referral(*, page: Page, referral: Referral) -> Resource:
    return page.new(kind="ServiceRequest", key=referral.key) | {
        "status": "active",
        "intent": "order",
        "category": [coded(system="http://snomed.info/sct", code="3457005", display="Patient referral")],
        "code": page.codeable(concept=referral.concept, codes=("snomed",)),
        "subject": page.patient,
        "priority": referral.priority,
        "authoredOn": page.dated(on=referral.on),
        "requester": page.clinician(key=referral.key),
        "performer": [{"display": referral.recipient}],
        "reasonCode": [{"text": referral.about}],
        "note": [{"text": referral.note}],
    }


def _appointment(*, page: Page, appointment: Event) -> Resource:
    start = datetime(appointment.on.year, appointment.on.month, appointment.on.day, 10, 20, tzinfo=UTC)
    return page.new(kind="Appointment", key=appointment.key) | {
        "status": "booked",
        "serviceType": [page.codeable(concept=appointment.concept, codes=("snomed",))],
        "description": appointment.note,
        "start": at(moment=start),
        "end": at(moment=start + timedelta(minutes=20)),
        "participant": [
            {"actor": page.patient, "status": "accepted"},
            {"actor": page.clinician(key=appointment.key), "status": "accepted"},
        ],
    }


def _document(*, page: Page, paper: Paper) -> Resource:
    """Write a letter: with its content where the source sends everything at once, else with the address of that."""
    if page.source.everything:
        media_type, content = "text/plain", paper.text.encode()
    else:
        media_type, content = "application/pdf", pdf_of(lines=paper.text.splitlines())
    encoded = base64.b64encode(content).decode()
    if page.source.everything:
        where: Resource = {"data": encoded}
    else:
        ident = page.id(kind="Binary", key=paper.key)
        binary = {"resourceType": "Binary", "id": ident, "contentType": media_type, "data": encoded}
        where = {"url": page.add(binary), "size": len(content)}
    return page.new(kind="DocumentReference", key=paper.key) | {
        "status": "current",
        "type": page.codeable(concept=paper.concept, codes=("snomed", "loinc")),
        "category": [coded(system="http://snomed.info/sct", code="823651000000106", display="Clinical note")],
        "subject": page.patient,
        "date": at(moment=paper.written_at),
        "author": [page.clinician(key=paper.key)],
        "custodian": page.organisation,
        "description": paper.title,
        "content": [
            {
                "attachment": {
                    "contentType": media_type,
                    **where,
                    "title": paper.title,
                    "creation": at(moment=paper.written_at),
                }
            }
        ],
    }


def _care_plan(*, page: Page, plan: Plan) -> Resource:
    return page.new(kind="CarePlan", key=plan.key) | {
        "status": "active",
        "intent": "plan",
        "category": [
            page.codeable(concept=CARE_PLAN, codes=("snomed",)),
            page.codeable(concept=plan.concept, codes=("snomed",)),
        ],
        "title": plan.title,
        "subject": page.patient,
        "period": {"start": page.dated(on=plan.started)},
        "author": page.clinician(key=plan.key),
        "activity": [{"detail": {"status": "in-progress", "description": action}} for action in plan.actions],
    }


def _flag(*, page: Page, alert: Alert) -> Resource:
    return page.new(kind="Flag", key=alert.key) | {
        "status": "active",
        "category": [coded(system=f"{TERMINOLOGY}/flag-category", code="clinical", display="Clinical")],
        "code": page.codeable(concept=alert.concept, codes=("snomed",)),
        "subject": page.patient,
        "period": {"start": page.dated(on=alert.since)},
        "author": page.organisation,
    }
