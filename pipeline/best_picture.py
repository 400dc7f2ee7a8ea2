"""The best picture of an event: of the frames that its end names, the sharpest for its size and confidence.

Which frames those are is decided by the alert process, from numbers; how sharp they are shows only in their pixels.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from pipeline.messages import BestFrame, Event
from pipeline.stage import Around, Evidence, Picture


@dataclass(frozen=True, slots=True)
class Made:
    """Files of an event, as JPEG."""

    picture: bytes
    crop: bytes | None = None
    original: bytes | None = None


class BestPicture:
    """The choice for one event, while its frames come by in the order of their time."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self._left = {each.frame - 1: each for each in event.best}
        self._worth = -1.0
        self.made: Made | None = None
        """Of the best frame so far."""

    @property
    def indexes(self) -> list[int]:
        """Frames that have not come by."""
        return sorted(self._left)

    def worth(self, index: int, pixels: Picture, evidence: Evidence) -> float:
        """How good a frame is: its score times the root of how sharp its object is."""
        frame = self._left[index]
        return frame.score * math.sqrt(evidence.sharpness(pixels, frame.box_px))

    def look(self, index: int, pixels: Picture, around: Around | None, evidence: Evidence) -> bool:
        """Judge a frame; True if it was the last one."""
        worth, frame = self.worth(index, pixels, evidence), self._left.pop(index)
        if worth > self._worth:
            event, self._worth = as_of(self.event, frame), worth
            self.made = Made(
                evidence.process(event, pixels, around),
                evidence.crop(event, pixels, around),
                evidence.original(pixels),
            )
        return not self._left


Look = Callable[[BestPicture, int, Picture], bool]
"""Has a choice judge a frame, by its index; True if it was its last one."""
Settle = Callable[[BestPicture, str], None]
"""Writes what was chosen, or says why there is nothing."""


def as_of(event: Event, frame: BestFrame) -> Event:
    """The event with its object as it was at another frame."""
    wall, seen = event.wall_time, event.object
    if wall is not None:
        moment = datetime.fromisoformat(wall) - timedelta(seconds=event.media_time - frame.media_time)
        wall = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if seen is not None:
        seen = msgspec.structs.replace(
            seen,
            track_id=frame.track_id,
            confidence=frame.confidence,
            box_px=frame.box_px,
            box=frame.box,
            path=[point for point in seen.path if point[2] <= frame.media_time],
        )
    return msgspec.structs.replace(
        event, type="best", frame=frame.frame, media_time=frame.media_time, wall_time=wall, object=seen
    )
