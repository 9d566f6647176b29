"""The door where registered clients get their tokens: SMART Backend Services."""
