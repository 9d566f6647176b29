"""The service API, in DRF with OpenAPI: its place; nothing is served here yet."""
