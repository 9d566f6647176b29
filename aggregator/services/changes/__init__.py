"""Changes that give more rights: proposed, listed, confirmed or rejected."""
