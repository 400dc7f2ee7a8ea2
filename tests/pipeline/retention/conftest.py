"""Results whose evidence may go."""

from tests.pipeline.integrity.conftest import key, out

__all__ = ["key", "out"]
