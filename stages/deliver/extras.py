"""Packages that are installed only where they are wanted."""

from importlib.util import find_spec


def missing(module: str, extra: str) -> str | None:
    """What to do where a package is not installed, or None."""
    return None if find_spec(module) else f"needs the extra {extra!r}: pip install 'bartizan[{extra}]'"
