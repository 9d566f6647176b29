"""Follows docs/operating.md to the letter: see machine.py for what stands in for a bare machine."""
