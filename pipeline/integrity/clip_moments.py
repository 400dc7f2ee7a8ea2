"""Who was seen while a clip went on, read from the log and the track spool of its camera."""

from collections.abc import Container, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline import spool
from pipeline.clock import SECOND
from pipeline.detections import Detections, Tracks
from pipeline.errors import MessageError
from pipeline.journal.log import LogReader
from pipeline.messages import EngineRecord, Frame, FrameRecord, Status
from pipeline.stage import Around, Moment, Seen, TrackedFrame

_BATCH = 256
_BEYOND_NS = 5 * SECOND
"""What is read before and after a clip."""
_LATE_NS = 60 * SECOND
"""The wall clock of a camera may have been set back by so much while the clip went on."""


def clip_moments(out: Path, camera: str, note: dict[str, Any], *, later_ns: int = 0) -> list[Moment]:
    """All moments of a clip, of which its note says when it was, in order; those of a still picture included.
    ``later_ns``: the clip shows everything so much later than it was.

    Raises ``LogError`` and ``MessageError`` for a log that cannot be read, ``ValueError``, ``KeyError`` and
    ``TypeError`` for a note that does not say when it was.
    """
    live = isinstance(note["started"], str)
    started_ns, ended_ns = _time_ns(note["started"]), _time_ns(note["ended"])
    found: dict[int, _LookedAt] = {}
    for each in _looked_at(out / "logs" / f"{camera}.log"):
        at_ns = each.frame.wall_ns if live else each.frame.media_ns
        if at_ns is None or at_ns < started_ns - _BEYOND_NS:
            continue
        if at_ns <= ended_ns + _BEYOND_NS:
            found[each.frame.index] = each
        elif at_ns > ended_ns + _LATE_NS:
            break
    moments = []
    for tracked in _tracked(out / "tracks" / f"{camera}.spool", found):
        each = found[tracked.index]
        frame = each.frame
        at_ns = (frame.wall_ns if live else frame.media_ns) or 0
        seen = tuple(_seen(each.names, Detections.unpack(each.detections), tracked.tracks))
        moments.append(Moment(at_ns - started_ns + later_ns, (frame.width, frame.height), Around(each.names, seen)))
    return sorted((each for each in moments if min(each.size) > 0), key=lambda each: each.at_ns)


class _LookedAt(NamedTuple):
    """A frame of which it is known who was there."""

    names: tuple[str, ...]
    """Classes of the detector."""
    frame: Frame
    detections: bytes
    """Packed; of a still picture those before it."""


def _looked_at(log: Path) -> Iterator[_LookedAt]:
    names: tuple[str, ...] = ()
    before: bytes | None = None
    with closing(LogReader(log)) as reader:
        while batch := reader.read(_BATCH):
            for record, _ in batch:
                match record:
                    case EngineRecord():
                        names = tuple(record.names)
                    case FrameRecord(status=Status.ANALYSED):
                        before = record.detections
                        yield _LookedAt(names, record.frame, before)
                    case FrameRecord(status=Status.STATIC) if before is not None:
                        yield _LookedAt(names, record.frame, before)


def _tracked(path: Path, wanted: Container[int]) -> Iterator[TrackedFrame]:
    """The tracks of some frames."""
    try:
        yield from (frame for frame in spool.read(path) if frame.index in wanted)
    except (msgspec.MsgspecError, ValueError) as error:
        raise MessageError(f"{path}: tracks cannot be read: {error}") from error


def _seen(names: tuple[str, ...], detections: Detections, tracks: Tracks) -> Iterator[Seen]:
    for box, class_id in zip(detections.xyxy.tolist(), detections.class_id.tolist(), strict=True):
        yield Seen(_name(names, class_id), 0, tuple(box))
    columns = (tracks.xyxy, tracks.class_id, tracks.track_id, tracks.observed)
    for box, class_id, track_id, observed in zip(*(each.tolist() for each in columns), strict=True):
        yield Seen(_name(names, class_id), track_id, tuple(box), held=not observed)


def _name(names: tuple[str, ...], class_id: int) -> str:
    return names[class_id] if 0 <= class_id < len(names) else f"class {class_id}"


def _time_ns(said: str | float) -> int:
    """UTC as RFC 3339 has it, or seconds of media time."""
    seconds = datetime.fromisoformat(said).timestamp() if isinstance(said, str) else float(said)
    return round(seconds * SECOND)
