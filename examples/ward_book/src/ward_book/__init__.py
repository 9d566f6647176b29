"""A Longview connector: ward_book."""
