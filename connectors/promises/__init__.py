"""What every connector promises, as checks that its author runs: ours and those of other distributions are held to the
same. No module that serves imports it."""
