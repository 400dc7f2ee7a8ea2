"""What a camera's log holds, counted while it is read or written."""

from collections import Counter
from dataclasses import dataclass, field

from pipeline.messages import (
    ChangeRecord,
    EndRecord,
    EngineRecord,
    FrameRecord,
    LogHeader,
    Record,
    Status,
    StreamRecord,
)


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What a log holds."""

    next_index: int = 0
    next_session: int = 0
    """One more than the latest session; 0 when there was none."""
    last_media_ns: int = -1
    last_digest: int = 0
    ended: bool = False
    """The last frame is followed by an end of stream."""
    end_reason: str = ""
    """Why, where it ended."""
    counts: dict[Status, int] = field(default_factory=dict)
    """Frames by what became of them; statuses that did not occur are left out."""
    engine: EngineRecord | None = None
    changes: dict[str, bytes] = field(default_factory=dict)
    """What was last said of each thing that rules follow."""
    records: int = 0
    length: int = 0
    """Bytes, up to the end of the last whole record."""


class LogTally:
    """Counts a log's records into its summary."""

    def __init__(self) -> None:
        self._next_index, self._next_session, self._last_media_ns, self._last_digest = 0, 0, -1, 0
        self._ended, self._end_reason = False, ""
        self._counts: Counter[Status] = Counter()
        self._engine: EngineRecord | None = None
        self._changes: dict[str, bytes] = {}
        self._records = 0

    def add(self, record: Record) -> None:
        """Count the next record."""
        self._records += 1
        match record:
            case FrameRecord(frame=frame, status=status):
                self._next_index = frame.index + 1
                self._next_session = max(self._next_session, frame.session + 1)
                self._last_media_ns = max(self._last_media_ns, frame.media_ns)
                self._last_digest = frame.digest
                self._counts[status] += 1
                self._ended, self._end_reason = False, ""
            case StreamRecord(media_ns=media_ns):
                self._last_media_ns = max(self._last_media_ns, media_ns)
            case EngineRecord():
                self._engine = record
            case ChangeRecord(what=what, value=value):
                self._changes[what] = value
            case EndRecord(reason=reason):
                self._ended, self._end_reason = True, reason
            case LogHeader():
                pass

    def summary(self, length: int) -> LogSummary:
        """The counts so far, of a log of ``length`` bytes."""
        return LogSummary(
            next_index=self._next_index,
            next_session=self._next_session,
            last_media_ns=self._last_media_ns,
            last_digest=self._last_digest,
            ended=self._ended,
            end_reason=self._end_reason,
            counts=dict(self._counts),
            engine=self._engine,
            changes=dict(self._changes),
            records=self._records,
            length=length,
        )
