"""The service API: what administrators do by page, in JSON. Its description is at `schema/`."""
