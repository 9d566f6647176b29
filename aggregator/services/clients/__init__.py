"""Systems that read records by themselves: registered, ended, listed, and given their tokens."""
