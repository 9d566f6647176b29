"""The sources and how they answer."""
