"""Locks on files and folders (``flock``), of which the kernel lets go when their holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def lock(file: int | IO[bytes] | IO[str]) -> bool:
    """Lock what is open, for as long as it is; False, at once, where another process has it. Raises ``OSError``."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked_folder(folder: Path) -> Iterator[bool]:
    """Whether no other process has a folder; none gets it meanwhile. Raises ``OSError`` if it cannot be opened.

    Whoever runs or changes what lies in a folder of results holds it so.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield lock(descriptor)
    finally:
        os.close(descriptor)
