"""One camera, from its source to frames."""

from dataclasses import dataclass
from typing import Protocol

from pipeline.messages import Frame, Status
from pipeline.stage.picture import Picture, Plane


@dataclass(frozen=True, slots=True)
class Captured:
    """One frame as a camera's capture stage hands it on."""

    frame: Frame
    pixels: Picture
    """Masked; in the canvas where possible."""
    aux: Plane | None
    """Foreground mask of the motion model, coarse, where the detector asks for it."""
    skip: Status | None
    """None to have it analysed, else why not."""


@dataclass(frozen=True, slots=True)
class CameraTime:
    """How far a live camera's own clock is ahead of the wall times of its frames, in ns."""

    ahead_ns: int | None = None
    """Of the latest frame; None: it does not go by that clock, which has not said anything yet or says nothing."""
    known_ns: int | None = None
    """As it was found out, whether the latest frame goes by it or not; None: unknown."""


class Capture(Protocol):
    """One camera: its source, session clock, privacy masks, motion gate and foreground model."""

    live: bool
    source_sha256: str
    frames: int | None
    camera_clock: CameraTime
    """Set before the first frame, it is what an earlier process found."""

    def open(self, *, session: int, next_index: int, last_media_ns: int) -> None:
        """Open the source. A live camera numbers its frames from ``next_index`` and its media time goes on after
        ``last_media_ns``; a recording always starts at frame 0 and is decoded up to the frame wanted."""
        ...

    def capture(self, canvas: Picture | None) -> Captured:
        """The next frame. Raises what ``Source.read`` raises."""
        ...

    def close(self) -> None:
        """Close the source; safe to call twice."""
        ...
