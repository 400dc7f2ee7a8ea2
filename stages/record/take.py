"""One recording under way: a file that grows, and what is known of it when it is closed."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stages.record.gops import Arrival
from stages.record.muxing import GROWING, Muxer, rewrite

if TYPE_CHECKING:
    from av import VideoStream

PART = ".part.mp4"
"""End of the name of a file that is being written."""


def beside(path: Path) -> Path:
    """Where a file is written before it takes the name ``path`` in one step."""
    return path.with_name(f"{path.stem}.new.mp4")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A file of video that is closed."""

    path: Path
    codec: str
    started_ns: int
    """UTC of its first picture in ns; of recordings, media time."""
    ended_ns: int
    """Of its last one."""
    frames: int
    size: int
    """Bytes."""


class Take:
    """Writes ``path``. Until ``close`` it is named ``STEM.part.mp4`` and can be played up to its last key frame."""

    def __init__(self, path: Path, template: "VideoStream") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._part = path.with_name(path.stem + PART)
        self._codec = template.codec_context.name
        self._muxer = Muxer(self._part, template, options=GROWING)
        self._started_ns = self._ended_ns = -1

    @property
    def started_ns(self) -> int:
        """UTC of the first picture; -1 before there is one."""
        return self._started_ns

    @property
    def ended_ns(self) -> int:
        """UTC of the latest picture."""
        return self._ended_ns

    def add(self, arrival: Arrival) -> None:
        """Write a packet; the first must be a key frame."""
        if not self._muxer.add(arrival.packet):
            return
        if self._started_ns < 0:
            self._started_ns = arrival.at_ns
        self._ended_ns = max(self._ended_ns, arrival.at_ns)

    def close(self) -> Recorded | None:
        """Finish the file under its name; None, and no file, if nothing was written."""
        self._muxer.close()
        if not self._muxer.frames:
            self._part.unlink(missing_ok=True)
            return None
        frames = finish(self._part, self._path)
        return Recorded(self._path, self._codec, self._started_ns, self._ended_ns, frames, self._path.stat().st_size)


def finish(part: Path, whole: Path) -> int:
    """Turn what was being written into a whole file, in one step, on the disk; how many pictures it has.

    ``part`` may end anywhere. Raises ``av.error.FFmpegError`` if nothing in it can be read.
    """
    new = beside(whole)
    frames = rewrite(part, new)
    with new.open("rb") as written:
        os.fsync(written.fileno())
    new.replace(whole)
    part.unlink()
    return frames
