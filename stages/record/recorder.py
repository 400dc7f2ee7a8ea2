"""One camera's recording: packets and requests in, files out. It reads no clock."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import SECOND
from stages.record.gops import Arrival, GopRing
from stages.record.options import RecordOptions
from stages.record.take import Recorded, Take

if TYPE_CHECKING:
    from av import VideoStream

UNTIL_TOLD = 2**63 - 1
"""End of a clip whose event is still open."""
LATENESS_NS = 3 * SECOND
"""An event is known so long after its pictures came, usually: analysis and the way through the log take their time."""
SLACK_NS = SECOND // 5
"""A clip that begins later than wanted by less is not called short."""


class TooManyClips(RuntimeError):
    """As many clips as are allowed are under way."""


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
class _Clip:
    """A clip under way."""

    path: Path
    from_ns: int
    to_ns: int
    take: Take | None = None
    short: str = ""


class Recorder:
    """Keeps the pre-roll, writes clips that are asked for by time, and segments of everything where so configured.

    Times are UTC in ns, those of ``Arrival.at_ns``. A clip may be asked for late: it then begins with what the
    pre-roll still holds. Raises ``OSError`` when a file cannot be written, ``TooManyClips`` for one too many.
    """

    def __init__(self, options: RecordOptions, *, segments: Path, template: "VideoStream") -> None:
        self._options = options
        self._segments = segments
        self._template = template
        self._ring = GopRing(
            pre_roll_ns=round(options.pre_roll_s * SECOND) + LATENESS_NS, most_bytes=round(options.ring_mb * 1e6)
        )
        self._clips: dict[str, _Clip] = {}
        self._segment: tuple[str, Take] | None = None

    def want(self, name: str, path: Path, *, from_ns: int, to_ns: int = UNTIL_TOLD) -> None:
        """Begin a clip, or say when one ends that has begun."""
        if (clip := self._clips.get(name)) is not None:
            clip.to_ns = self._limited(clip, to_ns)
            return
        if len(self._clips) >= self._options.most_clips:
            raise TooManyClips(f"{len(self._clips)} clips are under way already (most_clips)")
        clip = _Clip(path, from_ns, to_ns)
        clip.to_ns = self._limited(clip, to_ns)
        self._clips[name] = clip
        for arrival in self._ring.since(from_ns):
            self._write(clip, arrival)

    def take(self, arrival: Arrival) -> list[Closed]:
        """The next packet of the stream; what is finished with it."""
        self._ring.add(arrival)
        closed = self._grow_segment(arrival) if self._options.mode == "continuous" else []
        for name in [name for name, clip in self._clips.items() if arrival.decoded_ns > clip.to_ns]:
            closed.append(self._close(name))
        for clip in self._clips.values():
            self._write(clip, arrival)
        return closed

    def interrupt(self, why: str) -> list[Closed]:
        """The stream broke off: what is under way is finished; what follows is another stream."""
        closed = self._close_segment()
        for name, clip in list(self._clips.items()):
            clip.short = clip.short or why
            closed.append(self._close(name))
        self._ring.clear()
        return closed

    def _limited(self, clip: _Clip, to_ns: int) -> int:
        return min(to_ns, clip.from_ns + round(self._options.most_s * SECOND))

    def _write(self, clip: _Clip, arrival: Arrival) -> None:
        if clip.take is None:
            if not arrival.packet.is_keyframe:
                return
            clip.take = Take(clip.path, self._template)
        clip.take.add(arrival)

    def _close(self, name: str) -> Closed:
        clip = self._clips.pop(name)
        if clip.take is None:
            return Closed(name, None, short=clip.short)
        late_ns = clip.take.started_ns - clip.from_ns
        if late_ns > SLACK_NS:
            clip.short = "; ".join(
                [f"its first {late_ns / SECOND:.1f} s were not in memory", *filter(None, [clip.short])]
            )
        return Closed(name, clip.take.close(), short=clip.short)

    def _grow_segment(self, arrival: Arrival) -> list[Closed]:
        closed = []
        if arrival.packet.is_keyframe:
            if self._segment is not None and self._segment_is_long(arrival.at_ns):
                closed = self._close_segment()
            if self._segment is None:
                name = str(arrival.at_ns)
                self._segment = name, Take(self._segments / f"{name}.mp4", self._template)
        if self._segment is not None:
            self._segment[1].add(arrival)
        return closed

    def _segment_is_long(self, now_ns: int) -> bool:
        assert self._segment is not None
        return now_ns - self._segment[1].started_ns >= self._options.segment_s * SECOND

    def _close_segment(self) -> list[Closed]:
        if self._segment is None:
            return []
        (name, take), self._segment = self._segment, None
        return [Closed(name, take.close(), segment=True)]
