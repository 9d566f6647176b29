"""The place of the service API, in DRF with OpenAPI; it serves nothing yet."""
