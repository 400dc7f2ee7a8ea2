"""What evidence is deleted, when, and how that is told."""
