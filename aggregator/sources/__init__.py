"""Who holds records: the registered sources, and the connector for each kind."""
