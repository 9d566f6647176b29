"""What `make try-servers` runs; no tests. FHIR servers that this project did not write, read through the connector."""
