"""The settings of one's own machine for a worker without the verdict: see benchmarks/unjudged.py."""

from __future__ import annotations

from config.settings.local import *  # noqa: F403

CONNECTORS = {"fhir_r4": "benchmarks.unjudged.FhirR4"}
