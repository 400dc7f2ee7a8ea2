"""Everything that processes tell one another, and everything that is written into a camera's log.

Wire messages are msgspec structs, tagged by name, encoded as MessagePack (``pipeline.codec``). Numbers that end in
``_ns`` are nanoseconds; ``media_ns`` is media time, the clock of every rule; ``arrived_ns`` is this machine's
monotonic clock and serves latency figures only. Changing any struct here raises ``SCHEMA``.
"""

from pipeline.messages.answer import Answer, AnswersHeader, Missed
from pipeline.messages.capture import (
    CaptureHello,
    CaptureSync,
    EndOfStream,
    Offer,
    Release,
    Skip,
    StreamState,
    Synced,
    Welcome,
)
from pipeline.messages.classification import Answered, ClassifyHello, Crop, Wish, Wishes, WishKey
from pipeline.messages.event import BestFrame, Event, EventObject
from pipeline.messages.frame import Frame, Slot, Status
from pipeline.messages.log_record import (
    ChangeRecord,
    EndRecord,
    EngineRecord,
    FrameRecord,
    LogHeader,
    Record,
    StreamRecord,
)
from pipeline.messages.reading import Passed, ReaderHello, Wake
from pipeline.messages.schema import SCHEMA
from pipeline.messages.snapshot import CANDIDATE, Candidates, Cut, CutDone, EvidenceHello, Keep
from pipeline.messages.wire import Refused, Wire
from pipeline.messages.work import Failed, Result, Work, WorkerHello

__all__ = [
    "CANDIDATE",
    "SCHEMA",
    "Answer",
    "Answered",
    "AnswersHeader",
    "BestFrame",
    "Candidates",
    "CaptureHello",
    "CaptureSync",
    "ChangeRecord",
    "ClassifyHello",
    "Crop",
    "Cut",
    "CutDone",
    "EndOfStream",
    "EndRecord",
    "EngineRecord",
    "Event",
    "EventObject",
    "EvidenceHello",
    "Failed",
    "Frame",
    "FrameRecord",
    "Keep",
    "LogHeader",
    "Missed",
    "Offer",
    "Passed",
    "ReaderHello",
    "Record",
    "Refused",
    "Release",
    "Result",
    "Skip",
    "Slot",
    "Status",
    "StreamRecord",
    "StreamState",
    "Synced",
    "Wake",
    "Welcome",
    "Wire",
    "Wish",
    "WishKey",
    "Wishes",
    "Work",
    "WorkerHello",
]
