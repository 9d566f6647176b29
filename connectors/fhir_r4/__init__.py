"""FHIR R4 over REST: hospitals and community systems that serve their record as FHIR R4."""
