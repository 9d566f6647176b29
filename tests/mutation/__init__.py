"""`make mutate`: changes the code a little, thousands of times, and lists the changes that no test notices."""
