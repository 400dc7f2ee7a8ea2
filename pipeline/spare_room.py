"""Room on the disk that a file keeps beyond its end: whoever writes it can go on when nobody else has any left.

It is allocated for good and not part of the file: neither its size nor its content shows it. Nobody else can take it,
however fast he fills the disk; a file beside it, given up when it is needed, could be gone before it is of use. Linux:
``fallocate`` with ``FALLOC_FL_KEEP_SIZE`` (fallocate(2)), which ext4, XFS and tmpfs have. Btrfs has it, but writes a
page that is there to another place: what is kept must be given up before that. Elsewhere nothing is kept.
"""

import ctypes
import errno
import fcntl
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

KEEPER = "chain.jsonl"
"""The file in a folder of results that keeps room."""
MOST = 4 << 20
"""Bytes that are kept. A tombstone takes 0.6 kB, so a hundredth would do for retention. The rest is for who starts on a
full disk, a part at a time: until its first deletion a run took 50 kB, and the log of an event store may grow to 4 MB
before it is written over."""
SHARE = 8
"""Of what is free no more than this part is taken."""
SCARCE = 1 << 20
"""Bytes. While less is free, the disk counts as full, and so much of what is kept is given up to who needs it."""
FLOOR = 256 << 10
"""Bytes that nobody but who writes the file gets, however often others ask: retention deletes with them. Its first
twenty tombstones take 12 kB."""
_STEP = 64 << 10
_KEEP_SIZE = 1
_PUNCH_HOLE = 2
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
"""What ``OSError.errno`` says of a disk, or a user's share of it, without room."""


class SpareRoom:
    """What a file keeps, for the one process that writes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._reach: int | None = None
        """Up to here the file can be written whatever the disk holds; None: not known yet."""
        self._size = 0
        """How much there is to be: as much as there ever was."""
        self._is_possible = True
        """The file system has not said that it cannot."""

    def take(self, end: int) -> None:
        """Keep what the disk can spare behind ``end``, that of the file; what was used before is taken again."""
        if not self._is_possible or (self._reach is not None and self._reach - end >= MOST):
            return
        reach = end + _kept(self._descriptor) if self._reach is None else max(self._reach, end)
        wanted = min(MOST, max(self._size, reach - end, (_free(self._descriptor) + reach - end) // SHARE))
        with suppress(OSError):  # others were quicker
            while self._is_possible and reach < end + wanted:
                reach = self._reached(reach, min(_STEP, end + wanted - reach))
        self._reach = reach
        self._size = max(self._size, reach - end) if self._is_possible else 0

    def leave(self, end: int) -> None:
        """See to it that all of it is there when the file ends at ``end``. Raises ``OSError`` if the disk is full."""
        while self._size and self._reach is not None and self._reach < end + self._size:
            self._reach = self._reached(max(self._reach, end), _STEP)

    def give_up(self, error: OSError) -> bool:
        """Whether what failed with ``error`` may go if it is tried again: it was for want of room, and there is some
        now, as long as nobody else takes it."""
        if error.errno not in FULL_DISK or not self._size:
            return False
        end = os.fstat(self._descriptor).st_size
        is_some = self._reach is not None and self._reach > end
        os.ftruncate(self._descriptor, end)
        self._reach = end
        return is_some

    def _reached(self, start: int, size: int) -> int:
        """Up to where there is room now. Raises ``OSError`` if the disk is full."""
        try:
            _allocate(self._descriptor, start, size)
        except OSError as error:
            if error.errno in FULL_DISK:
                raise
            self._is_possible, self._size = False, 0
            logger.info("no room is kept for a full disk, this file system cannot: %s", error.strerror)
        return start + size


def make_room(folder: Path) -> None:
    """For whoever must open what lies in a folder of results whose disk is full: a part of what is kept there is given
    up, unless a process holds it, such as one of a run that goes on. ``FLOOR`` bytes stay, however often it is asked
    for."""
    path = folder / KEEPER
    with suppress(OSError):  # nothing is kept there, or not by this user: whoever needs room says so
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if _free(descriptor) < SCARCE:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                kept = _kept(descriptor)
                left = max(FLOOR, kept - SCARCE)
                if kept - left >= _STEP:  # less is not worth it, and may be what a file system rounds up
                    _keep(descriptor, kept, left)
        finally:
            os.close(descriptor)


def _keep(descriptor: int, kept: int, left: int) -> None:
    """Give up all but ``left`` of what is kept; nobody can take that in between, but on ext4, which does not give up a
    part behind a file's end."""
    end = os.fstat(descriptor).st_size
    start = -(-(end + left) // _STEP) * _STEP
    with suppress(OSError):
        _allocate(descriptor, start, max(_STEP, end + kept - start), _KEEP_SIZE | _PUNCH_HOLE)
    if _kept(descriptor) < kept:
        return
    os.ftruncate(descriptor, end)
    for taken in range(0, left, _STEP):  # what others are quicker for is the last of it
        part = end + taken, min(_STEP, left - taken)
        try:
            _allocate(descriptor, *part)
        except OSError:
            os.fsync(descriptor)  # ext4 has what was given up only when its journal has
            _allocate(descriptor, *part)


def is_scarce(folder: Path) -> bool:
    """Whether next to nothing is free on the disk of a folder."""
    try:
        return _free(folder) < SCARCE
    except OSError:  # it is gone
        return False


def _kept(descriptor: int) -> int:
    """Bytes that a file keeps: what the process before has left. To ask for them again takes room on XFS and Btrfs."""
    found = os.fstat(descriptor)
    return max(0, found.st_blocks * 512 - found.st_size)


def _free(place: int | Path) -> int:
    """Bytes of the disk that this user may still take."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def _allocate(descriptor: int, start: int, size: int, how: int = _KEEP_SIZE) -> None:
    if sys.platform != "linux":
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    while fallocate(descriptor, how, start, size):
        if (number := ctypes.get_errno()) != errno.EINTR:
            raise OSError(number, os.strerror(number))
