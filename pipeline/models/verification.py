"""Is a file the one that was pinned?"""

from functools import cache
from pathlib import Path

from pipeline.errors import CannotStart
from pipeline.file_digest import file_sha256


def digest(path: Path) -> str:
    """SHA-256 of a file as hex. Raises ``CannotStart`` if it cannot be read.

    Computed once in each process for as long as path, size, time of change and inode stay the same; never trusted
    from one process to the next.
    """
    try:
        found = path.stat()
        return _digest(path, found.st_size, found.st_mtime_ns, found.st_ino)
    except OSError as error:
        raise CannotStart(f"weights {path} cannot be read: {error.strerror}") from error


@cache
def _digest(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    return file_sha256(path)


def verify(name: str, path: Path, sha256: str) -> None:
    """Raises ``CannotStart`` with both digests unless the file is the one that was pinned under ``name``."""
    found = digest(path)
    if found != sha256:
        raise CannotStart(
            f"model {name} was altered: {path} has sha256 {found}, pinned is {sha256}; "
            f"put the right file back, or: bartizan models remove {name}"
        )
