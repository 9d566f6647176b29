"""Who is asking: organisations, users, their roles, and the Requester that every service takes."""
