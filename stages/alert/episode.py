"""One episode: a condition that begins, lasts and goes, with inertia at both ends."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import msgspec

from stages.alert.options import RuleOptions, nanoseconds
from stages.alert.peak import Peak
from stages.alert.sighting import Box
from stages.alert.views import View


class Turn(Enum):
    """What a frame did to an episode."""

    NOTHING = auto()
    RIPE = auto()
    """The condition has held long enough: an event may start."""
    UPDATE = auto()
    LEFT = auto()
    """The condition is over."""
    LOST = auto()
    """Its object is not seen any more."""
    FADED = auto()
    """It was over before anything started."""


@dataclass(frozen=True, slots=True)
class Inertia:
    """How long things must last, in nanoseconds of media time."""

    enter_ns: int
    exit_ns: int
    lost_ns: int
    update_ns: int
    """0: no updates."""

    @classmethod
    def of(cls, options: RuleOptions) -> "Inertia":
        """What the options of a rule say."""
        return cls(
            nanoseconds(options.enter_inertia_s),
            nanoseconds(options.exit_inertia_s),
            nanoseconds(options.lost_s),
            nanoseconds(options.update_s),
        )


class Episode(msgspec.Struct):
    """A condition about one subject, from the first frame at which it holds.

    ``entering`` until an event starts, then ``open``; a moment is ``spent`` instead.
    """

    subject: int
    occasion: int
    since_ns: int
    phase: str = "entering"
    outside_ns: int = -1
    """Since when the object has been seen and the condition did not hold; -1: it holds."""
    unseen_ns: int = -1
    """Since when the object has not been seen; -1: it is there."""
    event: str = ""
    """Id of the event, once started."""
    started_ns: int = -1
    updated_ns: int = -1
    also_about: list[int] = []
    """Track ids of others whom it has been about, in the order in which they were claimed."""
    place: Box | None = None
    """Where it is, if its subject is no tracked object."""
    furthest: Peak | None = None
    """The furthest that the claim's value went."""
    surest: Peak | None = None
    """The surest that it was of its object."""
    views: list[View] = []
    """Frames that show its object best, in order of time."""
    shown: float = 0.0
    """Score of the best of those that a message has named."""

    @property
    def open(self) -> bool:
        """Whether an event has started and not ended."""
        return self.phase == "open"

    def peaks(self) -> list[dict[str, Any]]:
        """Entries for the trace of its end."""
        return [peak.entry() for peak in (self.furthest, self.surest) if peak is not None]

    def follow(self, now_ns: int, *, holds: bool, seen: bool, inertia: Inertia) -> Turn:
        """Take in one frame that tells something: does the condition hold, is its object there."""
        if seen or holds:
            self.unseen_ns = -1
        elif self.unseen_ns < 0:
            self.unseen_ns = now_ns
        if holds:
            self.outside_ns = -1
        elif seen and self.outside_ns < 0:
            self.outside_ns = now_ns
        match self.phase:
            case "entering":
                return self._entering(now_ns, holds=holds, seen=seen, inertia=inertia)
            case "open":
                return self._open(now_ns, seen=seen, inertia=inertia)
        return Turn.NOTHING if holds or not seen else Turn.FADED

    def _entering(self, now_ns: int, *, holds: bool, seen: bool, inertia: Inertia) -> Turn:
        if self.outside_ns >= 0 or (self.unseen_ns >= 0 and now_ns - self.unseen_ns >= inertia.exit_ns):
            return Turn.FADED
        ripe = holds and seen and now_ns - self.since_ns >= inertia.enter_ns
        return Turn.RIPE if ripe else Turn.NOTHING

    def _open(self, now_ns: int, *, seen: bool, inertia: Inertia) -> Turn:
        if self.outside_ns >= 0 and now_ns - self.outside_ns >= inertia.exit_ns:
            return Turn.LEFT
        if self.unseen_ns >= 0 and now_ns - self.unseen_ns >= inertia.lost_ns:
            return Turn.LOST
        due = inertia.update_ns and seen and self.outside_ns < 0 and now_ns - self.updated_ns >= inertia.update_ns
        return Turn.UPDATE if due else Turn.NOTHING
