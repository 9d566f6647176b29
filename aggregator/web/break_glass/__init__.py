"""Opening a record in an emergency, and the officers' queue."""
