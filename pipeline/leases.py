"""What the dispatcher knows of one camera and of one worker; plain records without behaviour of their own."""

from dataclasses import dataclass, field

from pipeline.messages import (
    EndOfStream,
    EngineRecord,
    Frame,
    FrameRecord,
    Slot,
    Status,
    StreamRecord,
    Wish,
    WishKey,
)


@dataclass(slots=True)
class Pending:
    """An announced frame on its way to the log. Exactly one of offered, leased and resolved holds."""

    frame: Frame
    slot: Slot | None
    lease: str | None = None
    record: FrameRecord | None = None
    strikes: int = 0
    """How often its work crashed a worker by itself."""
    suspect: bool = False
    """It was among the frames of a worker that crashed: analyse it alone."""

    @property
    def offered(self) -> bool:
        """It waits for a worker."""
        return self.lease is None and self.record is None


@dataclass(slots=True)
class CameraBook:
    """One camera: its place in the log, the frames on their way there, and the slots held for evidence."""

    name: str
    live: bool
    next_index: int = 0
    next_session: int = 0
    last_media_ns: int = -1
    last_digest: int = 0
    ended: bool = False
    engine: EngineRecord | None = None
    source_sha256: str = ""
    peer: bytes | None = None
    incarnation: str = ""
    pending: dict[int, Pending] = field(default_factory=dict)
    waiting: dict[int, None] = field(default_factory=dict)
    """Indexes of offered frames, oldest first."""
    marks: list[tuple[int, StreamRecord]] = field(default_factory=list)
    """Stream states, each to be written once everything before its index is."""
    end: EndOfStream | None = None
    held: dict[int, Slot] = field(default_factory=dict)
    """Committed frames whose slots the reader may still want."""
    wanted: dict[int, set[str]] = field(default_factory=dict)
    """Messages whose picture is to be cut, by frame; ``CANDIDATE`` among them."""
    crops: dict[int, dict[WishKey, Wish]] = field(default_factory=dict)
    """Crops that wait for a classifier, by frame."""
    passed: int = -1
    frames_read: int = 0
    counts: dict[Status, int] = field(default_factory=dict)
    """Frames in the log by what became of them."""
    online: bool = True
    end_reason: str = ""


@dataclass(slots=True)
class Lease:
    """One frame in one worker's hands."""

    name: str
    camera: str
    index: int
    granted_ns: int
    reported: bool = False
    """The supervisor was told that it is overdue."""


@dataclass(slots=True)
class Worker:
    """One detect worker."""

    name: str
    peer: bytes
    capacity: int
    leases: dict[str, Lease] = field(default_factory=dict)
    suspended: bool = False
    """Overdue: gets nothing more until it says that it is idle."""
    alone: bool = False
    """Works on a suspect frame: gets nothing beside it."""
    accepted: int = 0
