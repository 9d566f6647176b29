"""The door for programs: `fhir/` serves FHIR R4; `service/` is the place of the service API."""
