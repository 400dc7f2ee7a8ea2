"""A disk on which there is no room, until there is."""

import errno
from io import FileIO
from pathlib import Path


def fill(disk: Path) -> Path:
    """Leave no room; where the file lies that takes it."""
    ballast = disk / "ballast"
    with FileIO(ballast, "w") as file:
        for size in (1 << 20, 1 << 12, 1):
            while _goes(file, size):
                pass
    return ballast


def _goes(file: FileIO, size: int) -> bool:
    try:
        return bool(file.write(bytes(size)))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
