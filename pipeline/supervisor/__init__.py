"""Starts every process of a run, watches it, starts it again, drains in order."""
