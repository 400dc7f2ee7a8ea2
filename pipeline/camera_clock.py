"""How far a camera's own clock is ahead of the times of its frames, told by its capture to whoever records it.

Two connections to one camera have one clock in common, the camera's (RTCP sender reports), whatever it says. If both go
by it, and take off the same, what they say of one moment is the same.
"""

import logging
import os
from pathlib import Path

import msgspec

from pipeline.whole_file import write_whole

logger = logging.getLogger(__name__)


class _Told(msgspec.Struct):
    ahead_ns: int | None


class CameraClock:
    """A file that says it, in memory: processes may come and go."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._ahead_ns: int | None = None

    def tell(self, ahead_ns: int | None) -> None:
        """What it is now. None: frames go by when they came."""
        if ahead_ns == self._ahead_ns:
            return
        self._ahead_ns = ahead_ns
        try:
            write_whole(self._path, [msgspec.json.encode(_Told(ahead_ns))], flush=False)
        except OSError as error:
            logger.warning("%s: recording is not told of the camera's clock: %s", self._path, error.strerror)

    def ahead_ns(self) -> int | None:
        """What was told last; None where nothing was. Costs a look at the file's time."""
        try:
            stat = os.stat(self._path)
            seen = stat.st_ino, stat.st_mtime_ns
            if seen != self._seen:
                self._ahead_ns = msgspec.json.decode(self._path.read_bytes(), type=_Told).ahead_ns
                self._seen = seen
        except (OSError, msgspec.MsgspecError):
            self._ahead_ns = self._seen = None
        return self._ahead_ns
