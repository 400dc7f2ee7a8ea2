"""The number that says which messages and records these are."""

SCHEMA = 3
"""The one schema number of all messages and log records."""
