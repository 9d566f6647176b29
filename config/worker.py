"""What only a worker does: get ready before its first task, say that it is up, fall silent. Loaded by workers alone."""

from __future__ import annotations

import os
import resource
import threading
from contextlib import suppress
from typing import Any

import redis
from celery.signals import celeryd_init, worker_init, worker_ready, worker_shutdown
from django.conf import settings

from aggregator.federation.engine import engine
from aggregator.sources import catalogue
from config.collector import settle_collector
from config.roles import warn_if_owner
from connectors import fhir

READY_KEY = "worker:ready:{hostname}"
READY_FOR_S = 15
READY_EVERY_S = 5
# A worker waits for tasks on the connections with which a page sends them, but a second at a time.
RECEIVE_TIMEOUT_S = 30

# Models are made at their first use, 20 ms each and many times that on a new machine: too long for the loop to stand.
USUAL_TYPES = {
    fhir.Release.R4: (
        "AllergyIntolerance Appointment CarePlan Condition DiagnosticReport DocumentReference Encounter"
        " FamilyMemberHistory Flag Immunization Location Medication MedicationRequest MedicationStatement Observation"
        " OperationOutcome Organization Patient Practitioner PractitionerRole Procedure Provenance ServiceRequest"
    ),
    fhir.Release.STU3: (
        "AllergyIntolerance Appointment Condition DiagnosticReport Encounter Immunization List Location Medication"
        " MedicationRequest MedicationStatement Observation OperationOutcome Organization Patient Practitioner"
        " PractitionerRole ProcedureRequest ReferralRequest"
    ),
}

_stopping = threading.Event()


@celeryd_init.connect
def be_patient(conf: Any, **_: Any) -> None:
    """Give a worker's connections the time that waiting takes."""
    conf.broker_transport_options = {**conf.broker_transport_options, "socket_timeout": RECEIVE_TIMEOUT_S}
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold records in the clear


@worker_init.connect
def get_ready(**_: Any) -> None:
    """Make what the first retrieval would otherwise wait for."""
    warn_if_owner()
    for kind in catalogue.kinds():
        catalogue.connector_for(kind=kind)
    for release, names in USUAL_TYPES.items():
        for name in names.split():
            fhir.judge(resource={"resourceType": name}, release=release)
    engine()


@worker_ready.connect
def announce(sender: Any, **_: Any) -> None:
    """Tell who waits for this worker that it is up, for as long as it is."""
    settle_collector()
    _stopping.clear()
    threading.Thread(target=_keep_announcing, args=(sender.hostname,), daemon=True).start()


@worker_shutdown.connect
def fall_silent(**_: Any) -> None:
    """Stop saying that this worker is up."""
    _stopping.set()


def _keep_announcing(hostname: str) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)
    key = READY_KEY.format(hostname=hostname)
    while True:
        with suppress(redis.RedisError):  # the broker is away; the worker itself says so in its log
            client.set(key, os.getpid(), ex=READY_FOR_S)
        if _stopping.wait(READY_EVERY_S):
            break
    with suppress(redis.RedisError):
        client.delete(key)
