"""The FHIR R4 door: authentication, operations, rendering, and waiting for the sources."""
