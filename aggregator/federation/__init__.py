"""Asking the sources: retrievals, the fan-out with its deadline, and the sealed answers."""
