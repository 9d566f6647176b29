"""Who holds records: the registered sources and the connector class of each kind."""
