"""Opening a record in an emergency, and the officers' review of it."""
