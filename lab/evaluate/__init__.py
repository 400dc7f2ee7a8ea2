"""Measuring results against the truth, with the field's own libraries."""
