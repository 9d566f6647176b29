"""What was done: an append-only trail of every service call."""
