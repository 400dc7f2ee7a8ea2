"""Pictures of frames of live cameras that may become the best one of an event, kept until its end has come.

They lie in the run's directory in shared memory, which only its owner can read: nobody is hidden in them, so they must
not reach a disk, and they outlive the process that cut them. They go when the run ends. If the supervisor is killed the
kernel kills the evidence process with it, which so has no time to remove them: they stay there, as the rings do, until
the next run of this user sweeps, or the machine is started anew.
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from pipeline.whole_file import write_whole

PATIENCE = 30
"""A picture that this many lists in a row do not name goes; a restarted alert process begins with an older list."""
MOST_BYTES = 256 * 2**20
"""Of all cameras."""

Key = tuple[str, int]
"""Camera and index of a frame."""


class CandidatePictures:
    """What is kept, and for how long."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is made where it is missing; what a predecessor left in it is taken over."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sizes: dict[Key, int] = {}
        self._unnamed: dict[Key, int] = {}
        """Lists since the last one that named it."""
        for path in folder.glob("*/*.jpg"):
            key = path.parent.name, int(path.stem)
            self._sizes[key], self._unnamed[key] = path.stat().st_size, 0

    def __contains__(self, key: Key) -> bool:
        return key in self._sizes

    def keep(self, key: Key, picture: bytes) -> bool:
        """Keep a picture; False where there is no room: all of them leave at least as much memory free as they take."""
        path, size = self._path(key), len(picture)
        taken = sum(self._sizes.values()) + size
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            space = os.statvfs(self._folder)
            if taken > MOST_BYTES or taken > space.f_bavail * space.f_frsize - size:
                return False
            write_whole(path, [picture], flush=False, mode=0o600)
        except OSError:
            return False
        self._sizes[key], self._unnamed[key] = size, 0
        return True

    def get(self, key: Key) -> bytes | None:
        """A picture; None if it was not kept."""
        if key not in self._sizes:
            return None
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def named(self, camera: str, indexes: Collection[int], needed: Callable[[], Collection[Key]]) -> None:
        """These are the frames of a camera that may still be wanted. What was not named for long goes, but for what is
        ``needed``, which is asked for only then."""
        for key in self._sizes:
            if key[0] == camera:
                self._unnamed[key] = 0 if key[1] in indexes else self._unnamed[key] + 1
        due = {key for key in self._sizes if self._unnamed[key] > PATIENCE}
        for key in due.difference(needed()) if due else ():
            self._path(key).unlink(missing_ok=True)
            del self._sizes[key], self._unnamed[key]

    def _path(self, key: Key) -> Path:
        return self._folder / key[0] / f"{key[1]}.jpg"
