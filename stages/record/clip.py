"""A clip under way, and what is missing in it when it is over."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import SECOND
from stages.record.gops import Arrival
from stages.record.parts import Recorded, join
from stages.record.take import Take

if TYPE_CHECKING:
    from av import VideoStream

UNTIL_TOLD = 2**63 - 1
"""End of a clip whose event is still open."""
SLACK_NS = SECOND // 5
"""A clip that begins later than wanted by less is not called short."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A clip or segment that is finished."""

    name: str
    """Of the clip as it was asked for, or of the segment."""
    recorded: Recorded | None
    """None: nothing came in its time."""
    segment: bool = False
    short: str = ""
    """Why it does not hold all that was asked for."""


@dataclass(slots=True)
class Clip:
    """A clip under way. Times are UTC in ns."""

    path: Path
    from_ns: int
    to_ns: int
    why: str = ""
    """Why something of it may be missing: what kept it from being recorded until now."""
    take: Take | None = None

    def add(self, arrival: Arrival, template: "VideoStream") -> None:
        """Write a packet, from the first key frame on."""
        if self.take is None:
            if not arrival.packet.is_keyframe:
                return
            self.take = Take(self.path, template)
        self.take.add(arrival)

    def discard(self) -> None:
        """What came of it is not wanted."""
        if self.take is not None:
            self.take.discard()

    def set_aside(self) -> None:
        """The stream broke off: what there is stays as a part."""
        if self.take is not None:
            self.take.set_aside()


def finish(name: str, path: Path, *, from_ns: int, to_ns: int, why: str = "", broken_off: bool = False) -> Closed:
    """Make the clip of its parts, and say what is missing.

    ``why``: what kept something from being recorded. ``broken_off``: it ends early. Raises ``OSError``.
    """
    made = join(path)
    if made is None:
        return Closed(name, None, short=why)
    missing = []
    late_ns, early_ns = made.started_ns - from_ns, to_ns - made.ended_ns
    if late_ns > SLACK_NS:
        missing.append(f"its first {late_ns / SECOND:.1f} s were not in memory")
    missing += [f"from {begin:.1f} to {end:.1f} s nothing was recorded" for begin, end in made.gaps]
    if made.left_out:
        missing.append("the camera changed its picture's size or codec; what came after that is left out")
    if broken_off and to_ns == UNTIL_TOLD:
        missing.append("its end is missing")
    elif broken_off and early_ns > SLACK_NS:
        missing.append(f"its last {early_ns / SECOND:.1f} s are missing")
    if missing and why:
        missing.append(why)
    return Closed(name, made, short="; ".join(missing))
