"""Reading FHIR, for everyone above. Imports nothing of ours."""
