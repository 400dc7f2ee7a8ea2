"""What keeps one rule from reporting the same thing again and again."""

import msgspec

from stages.alert.geometry import overlap
from stages.alert.sighting import Box

_SAME_PLACE = 0.3
"""Overlap (intersection over union) from which two boxes are the same place."""


class Quiet(msgspec.Struct):
    """An event that ended: for ``rearm_s`` its object, and its place if the object vanished there, start no other."""

    subject: int
    ended_ns: int
    box: Box | None
    """Where the object vanished; None where it was seen elsewhere at the end."""
    lasting: bool = False
    """While something is seen at the place, the time counts anew: a parked car that is lost and found for an hour is
    one event, not a hundred."""


class Rearm:
    """The quiet of one rule on one camera."""

    def __init__(self, rearm_ns: int, quiets: list[Quiet]) -> None:
        """``rearm_ns``: how long it lasts. ``quiets``: state, changed in place."""
        self._rearm_ns = rearm_ns
        self.quiets = quiets

    def begin(self, quiet: Quiet) -> None:
        """An event ended."""
        if self._rearm_ns:
            self.quiets.append(quiet)

    def expire(self, now_ns: int) -> None:
        """Drop what is over; call at each frame, before ``hushes``."""
        if self.quiets:
            self.quiets[:] = [quiet for quiet in self.quiets if now_ns - quiet.ended_ns < self._rearm_ns]

    def hushes(self, subject: int, box: Box | None, now_ns: int) -> bool:
        """Whether an event about this subject, here and now, would be a repetition."""
        hushed = False
        for quiet in self.quiets:
            here = box is not None and quiet.box is not None and overlap(box, quiet.box) >= _SAME_PLACE
            if here and quiet.lasting:
                quiet.ended_ns = now_ns
            hushed = hushed or here or quiet.subject == subject
        return hushed
