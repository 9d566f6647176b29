"""Who cares for whom: recorded, loaded, claimed, ended, and what follows from it."""
