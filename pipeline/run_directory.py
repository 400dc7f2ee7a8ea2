"""Directories that live as long as the process that claimed them, and the sweeping of those left by killed ones.

One lies in shared memory and holds rings, one holds ipc sockets. The owner holds a lock (``flock``) on its directory,
which the kernel lets go at the owner's death, however it died, whatever became of its pid, and across containers
that share a file system.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "bartizan-run-"
OWNER = "owner"
"""File that tells a run directory from somebody's folder of a similar name: only those are ever removed."""


def claim(root: Path) -> Path:
    """A fresh directory of mode 0700 under ``root``, owned by this process until it dies.

    The locked descriptor is left open on purpose: its closing by the kernel is the sign of death.
    Raises ``OSError`` when ``root`` cannot be written.
    """
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        lock = _open(path)
        if lock is None:
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_at(lock, path):
            (path / OWNER).write_text(f"{os.getpid()}\n")
            return path
        os.close(lock)  # a sweep came between making and locking


def sweep(root: Path) -> list[Path]:
    """Remove the run directories of this user under ``root`` whose owner is dead, and say which."""
    if not root.is_dir():
        return []
    return [path for path in sorted(root.glob(f"{PREFIX}*")) if _sweep_one(path)]


def _sweep_one(path: Path) -> bool:
    lock = _open(path)
    if lock is None:
        return False
    try:
        if os.fstat(lock).st_uid != os.geteuid():
            return False
        if not (path / OWNER).is_file():
            return False
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False
