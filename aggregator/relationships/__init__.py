"""Who cares for whom: registrations and attendances, by which an organisation's users may see a person's record."""
