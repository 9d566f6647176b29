"""The machines' door: `fhir/` speaks FHIR R4; `service/` is where the service API has its place."""
