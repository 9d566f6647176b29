"""Figures beside a peer or a bound in the same run: `make bench`. docs/performance.md says how to read them."""
