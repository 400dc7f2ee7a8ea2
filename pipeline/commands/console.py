"""Where commands print their tables."""

import os
import sys

from rich.console import Console

PIPED_WIDTH = 160
"""Columns where there is no terminal that says how many it has."""


def table_console() -> Console:
    """As wide as the terminal; what goes into a file or another command is not cut off at 80 columns, as rich would."""
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH)
