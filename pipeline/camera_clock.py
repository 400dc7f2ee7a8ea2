"""How far a camera's own clock is ahead of the times of its frames, told by its capture to whoever records it.

Two connections to one camera have one clock in common, the camera's (RTCP sender reports), whatever it says. If both go
by it, and take off the same, what they say of one moment is the same.
"""

import logging
import os
from pathlib import Path

import msgspec

from pipeline.stage import CameraTime
from pipeline.whole_file import write_whole

logger = logging.getLogger(__name__)

_UNKNOWN = CameraTime()


class CameraClock:
    """A file that says it, in memory: processes may come and go."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._time = _UNKNOWN
        self._warned = False

    def tell(self, time: CameraTime) -> None:
        """What it is now."""
        if time == self._time:
            return
        try:
            write_whole(self._path, [msgspec.json.encode(time)], flush=False)
        except OSError as error:
            if not self._warned:
                self._warned = True
                logger.warning("%s: recording is not told of the camera's clock: %s", self._path, error.strerror)
        else:
            self._time = time

    def time(self) -> CameraTime:
        """What was told last. Costs a look at the file's time."""
        try:
            stat = os.stat(self._path)
            seen = stat.st_ino, stat.st_mtime_ns
            if seen != self._seen:
                self._time = msgspec.json.decode(self._path.read_bytes(), type=CameraTime)
                self._seen = seen
        except (OSError, msgspec.MsgspecError):
            self._time, self._seen = _UNKNOWN, None
        return self._time

    def ahead_ns(self) -> int | None:
        """What the analysis takes off the camera's clock now; None: it does not go by it."""
        return self.time().ahead_ns
