"""What came back: items, how they compare, merge and fall into sections. Pure Python."""
