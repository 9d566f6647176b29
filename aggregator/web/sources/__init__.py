"""The sources, and how they last answered."""
