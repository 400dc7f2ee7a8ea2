"""Boxes from single frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.detections import Detections
from pipeline.messages import Frame
from pipeline.stage.picture import Picture, Plane


@dataclass(frozen=True, slots=True)
class View:
    """A frame and its pixels, lent for the length of one call: read only, keep nothing."""

    frame: Frame
    pixels: Picture
    aux: Plane | None = None


class Detector(Protocol):
    """Boxes from single frames. Equal frames give equal boxes, whatever shared the batch."""

    engine: str
    """Fingerprint: runtime and version, precision, device kind, model digest."""
    model: dict[str, str]
    """``name`` and ``sha256``."""
    names: list[str]
    capacity: int
    """How many frames it takes at once."""

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """One ``Detections`` for each frame, in order, in pixels of that frame."""
        ...


class AsyncDetector(Detector, Protocol):
    """A detector that can have frames under way while its caller does something else; optional.

    The caller keeps ``room`` at zero while there is work, and collects in the order in which it submitted.
    """

    @property
    def in_flight(self) -> int:
        """Frames submitted and not yet collected."""
        ...

    @property
    def room(self) -> int:
        """Frames that can be submitted now."""
        ...

    def submit(self, view: View) -> int:
        """Start on a frame and return its ticket. The pixels are read before this returns: the slot is free."""
        ...

    def collect(self) -> tuple[int, Detections]:
        """Ticket and boxes of the frame submitted first; waits for it."""
        ...
