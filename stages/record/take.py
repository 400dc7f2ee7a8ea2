"""A part of a recording under way: a file that grows.

When it began is known better and better: a camera's own clock comes with its first sender report, seconds after its
first picture, and of several arrivals the least delayed tells most. So the latest picture dates the first one.
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stages.record.gops import Arrival
from stages.record.muxing import GROWING, Muxer
from stages.record.parts import Part, Recorded, drop_parts, join, next_part

if TYPE_CHECKING:
    from av import VideoStream


class Take:
    """Writes a part of ``path``, which can be played up to its last half second at any time."""

    def __init__(self, path: Path, template: "VideoStream") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._template = template
        self._muxer: Muxer | None = None
        self._part: Part
        self._first: Arrival
        self._started_ns = self._ended_ns = -1

    @property
    def started_ns(self) -> int:
        """UTC of the first picture, as well as is known by now; -1 before there is one."""
        return self._started_ns

    @property
    def ended_ns(self) -> int:
        """UTC of the latest picture."""
        return self._ended_ns

    def add(self, arrival: Arrival) -> None:
        """Write a packet; the first must be a key frame."""
        if self._muxer is None:
            self._part = next_part(self._path, arrival.at_ns)
            self._muxer = Muxer(self._part.path, self._template, options=GROWING)
            self._first = arrival
        if self._muxer.add(arrival.packet):
            self._ended_ns = max(self._ended_ns, arrival.at_ns)
            self._started_ns = arrival.at_ns - arrival.shown_after_ns(self._first)

    def set_aside(self) -> None:
        """Close the part; what is recorded later of the same file becomes another."""
        if self._muxer is None:
            return
        with suppress(OSError):  # a full disk: the part can be played as it is
            self._muxer.close()
        if self._started_ns >= 0:
            dated = replace(self._part, started_ns=self._started_ns)
            with suppress(OSError):
                self._part.path.rename(dated.path)
                self._part = dated

    def discard(self) -> None:
        """Close the part, and remove it."""
        self.set_aside()
        if self._muxer is not None:
            self._part.path.unlink(missing_ok=True)

    def close(self) -> Recorded | None:
        """Finish the file under its name; None, and no file, if nothing was written. Raises ``OSError``."""
        self.set_aside()
        made = join(self._path)
        drop_parts(self._path)
        return made
