"""Weights by name: pinned by SHA-256, looked up here, fetched by nothing but ``bartizan models pull``."""

from pipeline.models.lookup import entries, find, is_name

__all__ = ["entries", "find", "is_name"]
