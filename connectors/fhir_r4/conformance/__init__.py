"""Where a FHIR R4 server falls short of its standard."""
