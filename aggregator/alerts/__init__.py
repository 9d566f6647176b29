"""Who is told that something waits, and how they were told: an outbox of alerts, by email and by signed webhooks."""
