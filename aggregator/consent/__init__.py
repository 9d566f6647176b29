"""Who may see what: policies, relationships, and the decision."""
