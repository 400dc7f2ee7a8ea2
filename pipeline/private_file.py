"""Files of keys that nobody but their owner may read or replace."""

import os
import stat
from pathlib import Path

from pipeline.errors import UsageError

MOST_BYTES = 1 << 16
"""More than any key is; what is longer is read no further."""


def read_private(path: Path, *, called: str) -> bytes:
    """What is in it. Raises ``UsageError`` if others could read or replace it, or it cannot be read.

    Mode and owner are those of the file that was opened, whatever the name stands for by now.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            data = file.read(MOST_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: key cannot be read: {error.strerror}") from error
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise UsageError(f"{path}: {called} can be read by others (mode {mode:04o}): chmod 600 {path}")
    if found.st_uid not in (os.geteuid(), 0):
        raise UsageError(f"{path}: {called} belongs to another user (uid {found.st_uid})")
    return data
