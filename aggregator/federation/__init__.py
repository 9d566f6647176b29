"""Asking the sources: retrievals, the fan-out under a deadline, and the sealed answers."""
