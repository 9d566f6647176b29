"""Doubts about identity."""
