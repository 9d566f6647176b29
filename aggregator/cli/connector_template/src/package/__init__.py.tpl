"""A Longview connector: $kind."""
