"""An episode: what one rule of one camera sees of one thing, again and again, told by one notification."""

from dataclasses import dataclass
from math import hypot

from pipeline.clock import SECOND
from pipeline.messages import Event
from stages.deliver.decision import Limits, rank
from stages.deliver.moment import Moment

SAME_TRACK = -1.0
"""Nearer than any place."""


@dataclass(slots=True)
class Episode:
    """Begins with a delivered notification; lasts until nothing more comes, and never longer than ``episode_s``."""

    event: str
    """Id of the event that was notified."""
    name: str
    """The rule's."""
    severity: int
    """The highest that was told; it only rises."""
    began: Moment
    last: Moment
    track_id: int
    place: tuple[float, float] | None
    """Middle of the object where it was last; None: the whole scene."""

    @classmethod
    def of(cls, event: Event, now: Moment) -> "Episode":
        """The one that a notification begins."""
        seen = event.object
        return cls(event.id, event.name, rank(event.severity), now, now, seen.track_id if seen else 0, place_of(event))

    def open(self, now: Moment, limits: Limits) -> bool:
        """Whether what happens now can still belong to it."""
        going_on = self.last.near(now, round(limits.merge_s * SECOND))
        return going_on and self.began.near(now, round(limits.episode_s * SECOND))

    def distance(self, event: Event) -> float:
        """How far off the event is, as a share of the picture; infinite for another kind of place."""
        place = place_of(event)
        if event.object is not None and event.object.track_id and event.object.track_id == self.track_id:
            return SAME_TRACK
        if place is None or self.place is None:
            return 0.0 if place is self.place else float("inf")
        return hypot(place[0] - self.place[0], place[1] - self.place[1])

    def touch(self, event: Event, now: Moment) -> None:
        """Something more of it: it lasts on, and is now there."""
        self.last = now
        if event.object is not None:
            self.track_id, self.place = event.object.track_id, place_of(event)


def place_of(event: Event) -> tuple[float, float] | None:
    """The middle of its object as shares of the picture."""
    if event.object is None:
        return None
    left, top, right, bottom = event.object.box
    return (left + right) / 2, (top + bottom) / 2
