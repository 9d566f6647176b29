"""Where a practice's system falls short of GP Connect."""
