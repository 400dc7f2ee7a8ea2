"""The tracks that one camera's run stored, beside the log that they were made from, frame by frame.

A frame in which nothing was tracked is recognised by the size of its record in the spool, and not unpacked; while
nothing is under way, its record in the log need not be decoded either. That is where a quiet week goes by in seconds.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from pipeline.detections import Detections, Tracks
from pipeline.errors import LogError, UsageError
from pipeline.journal.framing import decoded
from pipeline.journal.log import LogReader
from pipeline.messages import Frame, FrameRecord, Record, Status
from pipeline.spool import VOID_BYTES, packed_frames, unpack

_FRAME = b"\x84\xa4type\xabFrameRecord"
"""What the payload of a frame's record begins with: a map of four, and the tag."""
_AT_ONCE = 8192


class StoredTracks:
    """The records of a log with the tracks that belong to its frames; as a tracker, it says what was said then."""

    def __init__(self, log: Path, spool: Path, *, records: int) -> None:
        """``records``: how many of the log the run has taken in."""
        self._log = log
        self._spool = spool
        self._records = records
        self._tracks = Tracks.empty()
        self.frames = 0
        """Given so far, those that were passed over included."""
        self.passed_over = False
        """Set by the reader: frames without tracks change nothing, and are left out."""

    def records(self) -> Iterator[Record]:
        """The records in order; those of frames without their detections, which the tracks stand for, unless the tracks
        name theirs: then the detections have vectors.

        Raises ``LogError`` for a damaged or shortened log, ``UsageError`` where tracks are missing.
        """
        tracks = packed_frames(self._spool)
        empty = Tracks.empty()
        for payload, _ in chain.from_iterable(self._batches()):
            if not payload.startswith(_FRAME):
                yield decoded(payload, self._log)
                continue
            self.frames += 1
            packed = next(tracks, None)
            if packed is None:
                raise UsageError(f"{self._spool}: ends before its log does, at frame {self.frames}: it was cut")
            is_void = len(packed) <= VOID_BYTES
            if is_void and self.passed_over:
                continue
            record = decoded(payload, self._log)
            assert isinstance(record, FrameRecord)
            self._tracks, found = empty, b""
            if not is_void:
                tracked = unpack(packed)
                if (tracked.index, tracked.media_ns) != (record.frame.index, record.frame.media_ns):
                    raise UsageError(
                        f"{self._spool}: frame {tracked.index} at {tracked.media_ns} ns stands where the log has "
                        f"{record.frame.index} at {record.frame.media_ns} ns: they are not of one run"
                    )
                self._tracks = tracked.tracks
                if tracked.tracks.detection is not None:
                    found = record.detections
            yield FrameRecord(record.frame, record.status, found)

    def _batches(self) -> Iterator[list[tuple[bytes, int]]]:
        reader, left = LogReader(self._log), self._records
        try:
            while left > 0:
                batch = reader.payloads(min(left, _AT_ONCE))
                if not batch:
                    raise LogError(f"log {self._log} ends before record {self._records}, which the run took in")
                left -= len(batch)
                yield batch
        finally:
            reader.close()

    # ---- as pipeline.stage.Tracker

    def update(self, frame: Frame, status: Status, detections: Detections) -> Tracks:
        """The tracks of the frame that was given last."""
        return self._tracks

    def state(self) -> bytes:
        """Nothing: what it gives lies in files."""
        return b""

    def restore(self, state: bytes) -> None:
        """Nothing to go on from."""
