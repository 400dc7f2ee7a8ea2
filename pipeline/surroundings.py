"""Who else was in a frame: its tracks and its detections, read from what the run has written of it.

The snapshot of an event hides everybody whom the event is not about, so it must know where they are, after a restart
too. Tracks alone would leave out people that were detected and follow no track yet; detections alone those that a
track holds where they are not seen.
"""

from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

from pipeline import spool
from pipeline.detections import Detections
from pipeline.journal.log import LogReader
from pipeline.messages import EngineRecord, FrameRecord
from pipeline.stage import Around, Seen, TrackedFrame

_EVERY = 64
"""Frames between two whose place in a file is remembered."""
_BATCH = 64


class Surroundings:
    """What a camera's log and spool say of its frames, in any order; quick where frames are asked for as they come."""

    def __init__(self, log: Path, tracks: Path, answer: Callable[[], None] = lambda: None) -> None:
        """``answer`` is called now and then while a long log is read."""
        self._log = LogReader(log)
        self._spool = tracks
        self._answer = answer
        self._names: list[str] = []
        self._logged, self._tracked = _Places(), _Places()

    def at(self, index: int) -> Around | None:
        """Everybody in this frame; None where nothing is known of it. Raises ``LogError`` and ``MessageError``."""
        tracked = self._tracks(index)
        logged = self._detections(index)
        if tracked is None or logged is None:
            return None
        seen = [self._seen(box, class_id) for box, class_id in zip(logged.xyxy, logged.class_id, strict=True)]
        t = tracked.tracks
        seen += [self._seen(*row) for row in zip(t.xyxy, t.class_id, t.track_id, strict=True)]
        return Around(tuple(self._names), tuple(seen))

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _seen(self, box: object, class_id: int, track_id: int = 0) -> Seen:
        left, top, right, bottom = (float(side) for side in box)  # type: ignore[attr-defined]  # a row of an array
        name = self._names[class_id] if 0 <= class_id < len(self._names) else f"class {class_id}"
        return Seen(name, int(track_id), (left, top, right, bottom))

    def _detections(self, index: int) -> Detections | None:
        self._log.seek(self._logged.before(index))
        at = self._log.offset
        while batch := self._log.read(_BATCH):
            for record, behind in batch:
                match record:
                    case EngineRecord(names=names):
                        self._names = names
                    case FrameRecord(frame=frame) if frame.index == index:
                        return Detections.unpack(record.detections)
                    case FrameRecord(frame=frame):
                        self._logged.note(frame.index, at)
                        if frame.index > index:
                            return None
                at = behind
            self._answer()
        return None

    def _tracks(self, index: int) -> TrackedFrame | None:
        for count, (at, packed) in enumerate(spool.placed_frames(self._spool, self._tracked.before(index))):
            frame = spool.unpack(packed)
            self._tracked.note(frame.index, at)
            if frame.index >= index:
                return frame if frame.index == index else None
            if count % _BATCH == 0:
                self._answer()
        return None


class _Places:
    """Where some frames begin in a file that grows."""

    def __init__(self) -> None:
        self._indexes: list[int] = []
        self._offsets: list[int] = []

    def note(self, index: int, offset: int) -> None:
        if not self._indexes or index >= self._indexes[-1] + _EVERY:
            self._indexes.append(index)
            self._offsets.append(offset)

    def before(self, index: int) -> int:
        """Where to begin to read, 0 being the beginning."""
        place = bisect_right(self._indexes, index) - 1
        return self._offsets[place] if place >= 0 else 0
