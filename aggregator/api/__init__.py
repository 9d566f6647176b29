"""The FHIR door."""
