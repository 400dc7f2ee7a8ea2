"""Identities on one camera."""

from dataclasses import dataclass
from typing import Protocol

from pipeline.detections import Detections, Tracks
from pipeline.messages import Frame, Status


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """The tracks at one frame, for export. ``index`` counts the source's frames from 0."""

    index: int
    media_ns: int
    tracks: Tracks


class Tracker(Protocol):
    """Identities on one camera. One object for each camera; nothing is shared between cameras."""

    def update(self, frame: Frame, status: Status, detections: Detections) -> Tracks:
        """Feed the next frame of the camera, whatever became of it.

        ``analysed``: associate ``detections``. ``static``: the picture did not change, hold every track where it
        is. Any other status: nothing is known of this frame, time advances.
        """
        ...

    def state(self) -> bytes:
        """All that is remembered; equal histories give equal bytes."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from what ``state`` gave."""
        ...
