"""Where frames come from: a camera, a stream or a recording, behind one backend."""

from dataclasses import dataclass
from typing import Protocol

from pipeline.stage.picture import Picture


@dataclass(frozen=True, slots=True)
class Grab:
    """One decoded picture, fresh from a source."""

    pixels: Picture
    """Lies in the canvas that was handed to ``read`` where possible, else in an array of its own."""
    pts_ns: int | None
    """Presentation time within this opening of the source, or None where the source has none."""
    wall_ns: int | None = None
    """The camera's own clock (RTCP sender report), where known."""
    key_frame: bool = False
    corrupt: bool = False
    """The decoder says that the picture is damaged."""


class Source(Protocol):
    """A camera, stream or recording, behind one backend. ``live`` sources lose what is not read in time."""

    live: bool
    frames: int | None
    """Number of frames, where a recording tells (an estimate: good for a progress bar only)."""

    def open(self) -> None:
        """Connect, within the open timeout. Raises ``SourceRefused``, ``SourceStalled`` or ``SourceError``."""
        ...

    def read(self, canvas: Picture | None) -> Grab:
        """Decode the next picture, into ``canvas`` if it has the right shape.

        Raises ``SourceEnded`` after the last one, ``SourceStalled`` if nothing came within the read timeout,
        ``SourceError`` otherwise.
        """
        ...

    def close(self) -> None:
        """Let go of the device or connection; safe to call twice."""
        ...
