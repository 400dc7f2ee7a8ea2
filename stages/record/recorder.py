"""One camera's recording: packets and requests in, files out. It reads no clock."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import SECOND
from stages.record.clip import UNTIL_TOLD, Clip, Closed, finish
from stages.record.gops import Arrival, GopRing
from stages.record.options import RecordOptions
from stages.record.take import Take

if TYPE_CHECKING:
    from av import VideoStream

LATENESS_NS = 3 * SECOND
"""An event is known so long after its pictures came, usually: analysis and the way through the log take their time."""


class TooManyClips(RuntimeError):
    """As many clips as are allowed are under way."""


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
        self._clips: dict[str, Clip] = {}
        self._segment: tuple[str, Take] | None = None

    def want(self, name: str, path: Path, *, from_ns: int, to_ns: int = UNTIL_TOLD, why: str = "") -> None:
        """Begin a clip, go on with one, or say when one ends that has begun.

        ``why``: what kept it from being recorded until now.
        """
        to_ns = min(to_ns, from_ns + round(self._options.most_s * SECOND))
        if (clip := self._clips.get(name)) is not None:
            clip.to_ns = to_ns
            return
        if len(self._clips) >= self._options.most_clips:
            raise TooManyClips(f"{len(self._clips)} clips are under way already (most_clips)")
        clip = Clip(path, from_ns, to_ns, why)
        try:
            for arrival in self._ring.since(from_ns):
                clip.add(arrival, self._template)
        except OSError:
            clip.discard()
            raise
        self._clips[name] = clip

    def take(self, arrival: Arrival) -> list[Closed]:
        """The next packet of the stream; what is finished with it."""
        self._ring.add(arrival)
        closed = self._grow_segment(arrival) if self._options.mode == "continuous" else []
        for name in [name for name, clip in self._clips.items() if arrival.decoded_ns > clip.to_ns]:
            closed.append(self._close(name))
        for clip in self._clips.values():
            clip.add(arrival, self._template)
        return closed

    def interrupt(self) -> list[Closed]:
        """The stream broke off: what follows is another one. Clips stay as parts, to be gone on with or finished.

        A segment that cannot be finished stays as a part, too.
        """
        for clip in self._clips.values():
            clip.set_aside()
        self._clips.clear()
        self._ring.clear()
        try:
            return self._close_segment()
        except OSError:
            return []

    def _close(self, name: str) -> Closed:
        clip = self._clips.pop(name)
        clip.set_aside()
        return finish(name, clip.path, from_ns=clip.from_ns, to_ns=clip.to_ns, why=clip.why)

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
