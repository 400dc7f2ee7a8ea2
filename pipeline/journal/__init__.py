"""The append-only log of each camera."""
