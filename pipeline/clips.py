"""The clip of an event: when it begins and ends, where it lies, and what is said of it beside it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from pipeline.clock import SECOND
from pipeline.file_digest import file_sha256
from pipeline.messages import Event
from pipeline.wall import rfc3339
from pipeline.whole_file import write_whole

MISSING = ".missing"
"""End of the name of a note that stands in for a clip."""
NOTE = ".json"
"""End of the name of what is said of a clip."""


@dataclass(slots=True)
class Wanted:
    """A clip that an event asks for; times in ns of media time, or of UTC for a live camera."""

    start: Event
    """The first message of the event."""
    started_ns: int
    """Of the event."""
    ended_ns: int | None
    """None while it is open."""

    @property
    def event(self) -> str:
        """Its id."""
        return self.start.id

    @property
    def camera(self) -> str:
        """Its name."""
        return self.start.camera

    def path(self, out: Path) -> Path:
        """Where it lies."""
        return out / clip_name(self.camera, self.event)

    def is_settled(self, out: Path) -> bool:
        """Whether there is a clip, or a note that says why there is none."""
        path = self.path(out)
        return path.with_suffix(NOTE).exists() or path.with_suffix(MISSING).exists()


def clip_name(camera: str, event: str) -> str:
    """Path of an event's clip within the output directory."""
    return f"media/{camera}/{event}.mp4"


class Clips:
    """The clips that the events of one camera ask for, from its messages in the order of their commit."""

    def __init__(self, camera: str, *, live: bool, at: Callable[[int], int | None] = lambda media_ns: None) -> None:
        """``at``: UTC in ns of a media time, of live cameras whose recording knows it."""
        self._at = at
        self._camera = camera
        self._live = live
        self.wanted: dict[str, Wanted] = {}
        """By event, those that are settled excluded."""

    def take(self, events: Iterable[Event]) -> list[Wanted]:
        """The next messages; the clips that are new or whose end is now known."""
        changed = []
        for event in events:
            if event.camera != self._camera or "clip" not in event.evidence:
                continue
            if event.type == "start":
                begun = self._time(event, event.started)
                self.wanted[event.id] = Wanted(event, begun, begun if event.ended else None)
            elif event.type == "end" and event.id in self.wanted:
                self.wanted[event.id].ended_ns = self._time(event, event.media_time)
            else:
                continue
            changed.append(self.wanted[event.id])
        return changed

    def _time(self, event: Event, media_time: float) -> int:
        if not self._live:
            return round(media_time * SECOND)
        if (known := self._at(round(media_time * SECOND))) is not None:
            return known
        assert event.wall_time is not None  # a live camera's frames have one
        seconds = datetime.fromisoformat(event.wall_time).timestamp() + media_time - event.media_time
        return round(seconds * SECOND)


def settle(wanted: Wanted, out: Path, facts: dict[str, Any], *, live: bool, started_ns: int, ended_ns: int) -> None:
    """Say beside a finished clip what it holds. ``facts``: what else is known of it. Times as those of ``wanted``."""
    path = wanted.path(out)
    told = {
        "event": wanted.event,
        "camera": wanted.camera,
        "file": path.name,
        "sha256": file_sha256(path),
        "started": rfc3339(started_ns) if live else started_ns / SECOND,
        "ended": rfc3339(ended_ns) if live else ended_ns / SECOND,
        "event_at_s": round((wanted.started_ns - started_ns) / SECOND, 3),
        **facts,
    }
    write_whole(path.with_suffix(NOTE), [msgspec.json.format(msgspec.json.encode(told), indent=1), b"\n"])


def give_up(wanted: Wanted, out: Path, reason: str) -> None:
    """Say in place of a clip why there is none."""
    path = wanted.path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path.with_suffix(MISSING), [f"evidence_missing: {reason}\n".encode()])
