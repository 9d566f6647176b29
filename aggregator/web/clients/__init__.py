"""The systems that may read records by themselves."""
