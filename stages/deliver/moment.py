"""When an event was, on the two clocks that there are."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.clock import SECOND
from pipeline.messages import Event


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time. Both clocks stand in the stored message, so a stored log always gives the same moments."""

    media_ns: int
    """The camera's media time: what everything about one camera goes by."""
    wall_ns: int | None
    """UTC where it is known: what cameras are compared by."""

    @classmethod
    def of(cls, event: Event) -> "Moment":
        """When a message was decided. A wall time that cannot be read counts as unknown."""
        return cls(round(event.media_time * SECOND), _wall_ns(event.wall_time))

    def near(self, other: "Moment", within_ns: int) -> bool:
        """Whether both lie less than this apart, in the media time of one camera, in either direction."""
        return abs(self.media_ns - other.media_ns) < within_ns

    def near_on_site(self, other: "Moment", within_ns: int) -> bool:
        """The same between cameras: by wall time; where neither knows it (recordings), by media time."""
        if self.wall_ns is None or other.wall_ns is None:
            return self.wall_ns is other.wall_ns and self.near(other, within_ns)
        return abs(self.wall_ns - other.wall_ns) < within_ns


def _wall_ns(text: str | None) -> int | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000) * 1000
