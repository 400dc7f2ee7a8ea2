"""The stretch of time that is asked about: from one moment to another, in media time or by the clock on the wall."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.clock import SECOND
from pipeline.configuration.units import quantity
from pipeline.errors import UsageError
from pipeline.messages import Event, Frame


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds of media time, or of UTC since 1970."""

    seconds: float
    is_wall: bool

    @classmethod
    def parse(cls, text: str, *, option: str) -> "Moment":
        """``90``, ``1h 30min``, ``01:30:00`` (media time) or ``2026-11-21T08:00:00Z`` (RFC 3339). Raises
        ``UsageError``."""
        media = _clock(text)
        if media is None:
            media = quantity(text, "s")
        if media is not None:
            return cls(float(media), is_wall=False)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            return cls(moment.timestamp(), is_wall=True)
        hint = "; add its time zone: Z or +01:00" if moment is not None else ""
        raise UsageError(
            f"{option} {text!r} is no moment{hint}; write media time (90, '1h 30min', 01:30:00) or "
            "wall time (2026-11-21T08:00:00Z)"
        )


@dataclass(frozen=True, slots=True)
class Window:
    """From ``since`` to ``until``, both included; None is open."""

    since: Moment | None = None
    until: Moment | None = None

    def __post_init__(self) -> None:
        since, until = self.since, self.until
        if since and until and since.is_wall == until.is_wall and since.seconds > until.seconds:
            raise UsageError("--since is later than --until: nothing lies between them")

    def check(self, frame: Frame) -> None:
        """Raise ``UsageError`` if it is told in wall time and that of the camera's first frame is unknown."""
        by_wall = any(moment is not None and moment.is_wall for moment in (self.since, self.until))
        if by_wall and frame.wall_ns is None:
            raise UsageError(
                f"camera {frame.camera}: the wall time of its frames is unknown (a recording without start_time); "
                "give --since and --until in media time"
            )

    def is_over(self, frame: Frame) -> bool:
        """Whether this frame comes after it."""
        return self.until is not None and self.until.seconds < (
            (frame.wall_ns or 0) / SECOND if self.until.is_wall else frame.media_ns / SECOND
        )

    def narrowed(self, events: list[Event]) -> list[Event]:
        """The messages up to its end, of the events that had not ended at its beginning."""
        told = [event for event in events if self.until is None or _time(event, self.until) <= self.until.seconds]
        if self.since is None:
            return told
        ended = {event.id for event in told if event.type == "end" and _time(event, self.since) < self.since.seconds}
        return [event for event in told if event.id not in ended]


def _time(event: Event, moment: Moment) -> float:
    if not moment.is_wall:
        return event.media_time
    return 0.0 if event.wall_time is None else datetime.fromisoformat(event.wall_time).timestamp()


def _clock(text: str) -> float | None:
    """``90``, ``1:30`` and ``01:30:00.5`` as seconds."""
    parts = text.strip().split(":")
    digits = [part.replace(".", "", 1) for part in parts]
    if len(parts) > 3 or not all(part.isascii() and part.isdecimal() for part in digits):
        return None
    return sum(float(part) * 60.0**power for power, part in enumerate(reversed(parts)))
