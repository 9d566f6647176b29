"""Speaks to the systems that hold records. Plain Python: knows nothing of Django or of the aggregator."""
