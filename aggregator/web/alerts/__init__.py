"""Alerts: how they were delivered, and the webhooks that are told."""
