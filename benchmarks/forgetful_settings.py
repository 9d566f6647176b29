"""The settings of one's own machine for a worker that judges each entry anew: see benchmarks/forgetful.py."""

from __future__ import annotations

from config.settings.local import *  # noqa: F403

CONNECTORS = {"fhir_r4": "benchmarks.forgetful.FhirR4"}
