"""GP Connect Access Record Structured: GP practices, FHIR STU3, translated to R4."""
