"""What was recorded piece by piece: parts as they grew, and the whole file that is made of them.

A part is named after when its first picture was taken, so that what a killed process leaves says where it belongs.
"""

import os
import re
from dataclasses import dataclass
from fractions import Fraction
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import SECOND
from stages.record.muxing import WHOLE, Muxer

if TYPE_CHECKING:
    from av import VideoStream

PART = ".part.mp4"
"""End of the name of a file that is being written."""
_NAME = re.compile(r"(.+)\.(\d+)-(\d+)\.part\.mp4")


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
    gaps: tuple[tuple[float, float], ...] = ()
    """Seconds of the file, from and to, in which nothing was recorded."""
    left_out: int = 0
    """Parts that do not go into one file with the first one: another size, codec or profile."""


@dataclass(frozen=True, slots=True)
class Part:
    """What was recorded of a file without a break."""

    whole: Path
    """The file that it is a part of."""
    number: int
    """In the order of recording; the clock may have been set back in between."""
    started_ns: int
    """When its first picture was taken."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.whole.with_name(f"{self.whole.stem}.{self.number}-{self.started_ns}{PART}")


def parts_of(path: Path) -> list[Part]:
    """What there is of ``path``, in order."""
    found = (_NAME.fullmatch(each.name) for each in path.parent.glob(f"{escape(path.stem)}.*{PART}"))
    parts = [Part(path, int(name[2]), int(name[3])) for name in found if name and name[1] == path.stem]
    return sorted(parts, key=lambda part: part.number)


def next_part(path: Path, started_ns: int) -> Part:
    """The one that comes after all there are."""
    return Part(path, max((part.number for part in parts_of(path)), default=-1) + 1, started_ns)


def drop_parts(path: Path) -> None:
    """Remove the parts of a file that is whole."""
    for part in parts_of(path):
        part.path.unlink(missing_ok=True)


def drop_others(folder: Path, wanted: set[str]) -> None:
    """Remove what nobody wants any more: parts of files other than those named, without ending."""
    for stem in stems_in(folder) - wanted:
        drop_parts(folder / f"{stem}.mp4")


def stems_in(folder: Path) -> set[str]:
    """Names, without ending, of files of which there are parts."""
    found = (_NAME.fullmatch(each.name) for each in folder.glob(f"*{PART}"))
    return {name[1] for name in found if name}


def beside(path: Path) -> Path:
    """Where a file is written before it takes the name ``path`` in one step."""
    return path.with_name(f"{path.stem}.new.mp4")


def join(path: Path) -> Recorded | None:
    """Make ``path`` of its parts, in one step, on the disk; None, and no file, if there is no picture in them.

    A part may end anywhere. Between parts the picture stands still for as long as nothing came. The parts stay until
    ``drop_parts``. Raises ``OSError`` where it cannot be written.
    """
    joint = _Joint(beside(path))
    with joint:
        for part in parts_of(path):
            joint.take(part)
    if not joint.frames:
        return None
    with joint.new.open("rb") as written:
        os.fsync(written.fileno())
    joint.new.replace(path)
    return Recorded(
        path,
        joint.codec,
        joint.started_ns,
        joint.ended_ns,
        joint.frames,
        path.stat().st_size,
        tuple(joint.gaps),
        joint.left_out,
    )


def recover(folder: Path) -> list[Recorded]:
    """Finish what was left in parts in a folder, by a killed process or a disk that was full. Raises ``OSError``."""
    found = []
    for path in (folder / f"{stem}.mp4" for stem in sorted(stems_in(folder))):
        made = join(path)
        drop_parts(path)
        found += [made] if made is not None else []
    return found


class _Joint:
    """The whole file under way."""

    def __init__(self, new: Path) -> None:
        self.new = new
        self.codec = ""
        self.started_ns = self.ended_ns = -1
        self.gaps: list[tuple[float, float]] = []
        self.left_out = 0
        self._muxer: Muxer | None = None
        self._format: tuple[object, ...] = ()

    @property
    def frames(self) -> int:
        """Pictures so far."""
        return 0 if self._muxer is None else self._muxer.frames

    def take(self, part: Part) -> None:
        """Add a part as far as it can be read."""
        import av
        from av.error import FFmpegError

        try:
            container = av.open(str(part.path))
        except FFmpegError:  # it was hardly begun
            return
        with container:
            context = container.streams.video[0].codec_context if container.streams.video else None
            if context is None:
                return
            stream, started_ns = container.streams.video[0], part.started_ns
            form = (context.name, context.width, context.height, context.extradata, stream.time_base)
            if self._muxer is None:
                self._muxer = Muxer(self.new, stream, options=WHOLE)
                self.codec, self._format, self.started_ns = context.name, form, started_ns
            elif form != self._format:
                self.left_out += 1
                return
            else:
                started_ns = self._go_on(self._muxer, started_ns, stream)
            first: int | None = None
            try:
                for packet in container.demux(stream):
                    if not packet.size or packet.is_corrupt or packet.pts is None or packet.time_base is None:
                        continue
                    first = packet.pts if first is None else first
                    if self._muxer.add(packet):
                        shown_ns = started_ns + round((packet.pts - first) * packet.time_base * SECOND)
                        self.ended_ns = max(self.ended_ns, shown_ns)
            except FFmpegError:  # the torn end; what cannot be written is an error of another kind
                pass

    def _go_on(self, muxer: Muxer, started_ns: int, stream: "VideoStream") -> int:
        """When the next part begins: never before the last picture of the one before."""
        if started_ns > self.ended_ns:
            self.gaps.append(((self.ended_ns - self.started_ns) / SECOND, (started_ns - self.started_ns) / SECOND))
        rate = stream.average_rate or Fraction(25)
        started_ns = max(started_ns, self.ended_ns + round(SECOND / rate))
        muxer.go_on_at(Fraction(started_ns - self.started_ns, SECOND))
        return started_ns

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        if self._muxer is not None:
            self._muxer.close()
