"""Files that are there as a whole or not at all, also after a crash or a power cut."""

import os
from collections.abc import Iterable
from pathlib import Path


def part_of(path: Path) -> Path:
    """Where a file is written before it gets its name; what a killed process leaves of it lies there."""
    return path.with_name(f".{path.name}.part")


def write_whole(path: Path, chunks: Iterable[bytes], *, flush: bool = True, mode: int | None = None) -> None:
    """Write a file under another name beside ``path``, flush it to the disk, and give it its name.

    Without ``flush`` it survives a crash of the process, not of the machine. ``mode``: who may read it; without one, as
    new files are.

    Raises ``OSError``; what was at ``path`` before is then unchanged.
    """
    part = part_of(path)
    try:
        with part.open("wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.writelines(chunks)
            file.flush()
            if flush:
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if not flush:
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
