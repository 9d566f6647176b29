"""The service: identities, consent, federation and the merged record; its rooms stand in docs/architecture.md."""
