"""What the dispatcher knows of one camera."""

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

    def first_waiting(self) -> Pending:
        """The frame that has waited longest for a worker; one does."""
        return self.pending[next(iter(self.waiting))]

    def wait_again(self, index: int) -> None:
        """A frame that a worker had waits again, in its place."""
        self.waiting = dict.fromkeys(sorted([*self.waiting, index]))

    def forget(self, index: int) -> None:
        """Drop a recording's frame whose pixels are gone; the next sync asks for it again."""
        self.waiting.pop(index, None)
        del self.pending[index]
