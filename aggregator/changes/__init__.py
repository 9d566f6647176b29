"""What gives more rights: proposed by one administrator, confirmed by another."""
