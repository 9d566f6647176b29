"""Accounts and roles, as administrators see and end them."""
