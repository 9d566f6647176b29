"""The service: identities, consent, federation and the merged record. Its rooms, and which may know which, are in docs/architecture.md."""
