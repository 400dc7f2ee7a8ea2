"""Everything that processes tell one another, and everything that is written into a camera's log.

Wire messages are msgspec structs, tagged by name, encoded as MessagePack (``pipeline.codec``). Numbers that end in
``_ns`` are nanoseconds; ``media_ns`` is media time, the clock of every rule; ``arrived_ns`` is this machine's
monotonic clock and serves latency figures only. Changing any struct here raises ``SCHEMA``.
"""

from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

SCHEMA = 3
"""The one schema number of all messages and log records."""


class Status(StrEnum):
    """What became of a frame. Exactly one holds for each frame of each camera."""

    ANALYSED = "analysed"
    STATIC = "static"
    """The picture did not change: tracks are held."""
    RATE_LIMITED = "rate_limited"
    SUPERSEDED = "superseded"
    """Live: a newer frame of the camera came before a worker was free."""
    STALE = "stale"
    """Live: older than the staleness budget when a worker was free."""
    NO_SLOT = "no_slot"
    """Live: every slot of the ring was in use."""
    WORKER_LOST = "worker_lost"
    """Live: the worker that had it died or hung."""
    CAPTURE_LOST = "capture_lost"
    """Live: the capture process died before a worker had read the pixels."""
    CORRUPT = "corrupt"
    """The decoder could not make a picture of it."""
    POISON = "poison"
    """Its work crashed two workers by itself."""


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """Where the pixels of a frame lie: a slot of a memory-mapped ring on this machine."""

    ring: str
    """Absolute path of the ring's file."""
    number: int
    generation: int
    """Raised by the writer each time it reuses the slot; a reader that finds another one raises ``StaleSlot``."""
    shape: tuple[int, int, int]
    """Height, width, channels of the uint8 BGR picture."""
    aux_shape: tuple[int, int] = (0, 0)
    """Height and width of the uint8 plane beside the picture (foreground mask of the motion model), if any."""


class Frame(msgspec.Struct, frozen=True):
    """One frame of one camera, as its header; ``camera/session/index`` names it."""

    camera: str
    session: int
    """Counts the openings of the source, from 0."""
    index: int
    """Counts the frames of the source, from 0, over all sessions."""
    media_ns: int
    """Strictly increasing within a camera."""
    wall_ns: int | None = None
    """UTC at capture, or None where it is unknown (recordings without ``start_time``)."""
    arrived_ns: int = 0
    width: int = 0
    height: int = 0
    key_frame: bool = False
    digest: int = 0
    """CRC-32C chained over the pixels (masks applied) and gate verdicts of all frames so far; 0 where live."""
    features: bytes = b""
    """MessagePack map of what capture measured: ``motion`` (0 to 1, share of changed picture) and others."""


# ---- from and to capture


class CaptureHello(msgspec.Struct, frozen=True, tag=True):
    """A capture process introduces itself; repeated until welcomed."""

    camera: str
    incarnation: str
    live: bool
    source_sha256: str = ""
    """Files: fingerprint of the content, pinned in the camera's log."""


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """Where the camera stands: a fresh capture goes on with ``next_index``, which for a live camera comes after what
    an earlier capture announced; what was announced from ``committed`` on may have been lost."""

    camera: str
    incarnation: str
    epoch: str
    """Names the dispatcher's own incarnation."""
    committed: int
    """Everything before is in the log."""
    next_index: int
    next_session: int
    last_media_ns: int
    """-1 when the log is empty."""
    last_digest: int
    ended: bool
    """The log is complete: nothing more is wanted."""


class Offer(msgspec.Struct, frozen=True, tag=True):
    """A frame waits in a slot for analysis."""

    incarnation: str
    frame: Frame
    slot: Slot


class Skip(msgspec.Struct, frozen=True, tag=True):
    """A frame that capture does not offer, and why."""

    incarnation: str
    frame: Frame
    status: Status


class EndOfStream(msgspec.Struct, frozen=True, tag=True):
    """A camera is over. ``last_index`` is -1 if it never gave a frame."""

    camera: str
    incarnation: str
    last_index: int
    reason: str
    """``eof``, ``stopped`` or ``failed: ...``"""


class StreamState(msgspec.Struct, frozen=True, tag=True):
    """A live camera went offline or came back; becomes a log record, so that rules and reports know."""

    camera: str
    incarnation: str
    online: bool
    media_ns: int
    wall_ns: int | None
    reason: str


class CaptureSync(msgspec.Struct, frozen=True, tag=True):
    """Sent by a capture every quarter second: the frames it announced and has not seen committed."""

    camera: str
    incarnation: str
    announced: list[int]
    held: list[int]
    """Frames whose slots it still keeps."""
    frames_read: int


class Synced(msgspec.Struct, frozen=True, tag=True):
    """The answer to a sync: announce ``missing`` again, reuse the slots of ``free``."""

    camera: str
    incarnation: str
    epoch: str
    next_index: int
    missing: list[int]
    free: list[int]
    ended: bool
    """The end of the camera is in the log: nothing more is wanted."""


class Release(msgspec.Struct, frozen=True, tag=True):
    """These frames' slots may be reused; everything before ``next_index`` is in the log."""

    camera: str
    incarnation: str
    indexes: list[int]
    next_index: int


# ---- from and to workers


class WorkerHello(msgspec.Struct, frozen=True, tag=True):
    """A detect worker introduces itself and says that it has room; repeated while it is idle."""

    worker: str
    """Incarnation: process title index and pid, unique in the run."""
    stage: str
    engine: str
    """Fingerprint: runtime, precision, device, model digest. All workers of a file run must agree."""
    capacity: int
    """Frames it takes at a time."""
    model: dict[str, str] = {}
    """``name`` and ``sha256`` for events."""
    names: list[str] = []
    """Class names by class id."""
    leases: list[str] = []
    """What it is working on; an older lease that is missing here was lost on the way."""


class Work(msgspec.Struct, frozen=True, tag=True):
    """Analyse this frame, under this lease."""

    lease: str
    frame: Frame
    slot: Slot


class Result(msgspec.Struct, frozen=True, tag=True):
    """What the frame yielded: packed ``Detections``."""

    worker: str
    lease: str
    detections: bytes
    engine_ns: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The work raised an error; the worker itself goes on."""

    worker: str
    lease: str
    error: str
    stale: bool = False
    """The slot held another frame by then: not the frame's fault."""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The dispatcher does not take this peer, and why; it must stop (exit code 3)."""

    reason: str


# ---- from and to followers of the log


class ReaderHello(msgspec.Struct, frozen=True, tag=True):
    """The alert process introduces itself; repeated, so that a new dispatcher knows it."""

    reader: str


class Wake(msgspec.Struct, frozen=True, tag=True):
    """The camera's log has grown to this many bytes, or (0) a journal of answers has."""

    camera: str
    length: int


class Passed(msgspec.Struct, frozen=True, tag=True):
    """The reader has committed everything up to this frame of the camera."""

    camera: str
    index: int


class Keep(msgspec.Struct, frozen=True, tag=True):
    """The picture of this frame is wanted as evidence for this message."""

    camera: str
    index: int
    message_id: str


class EvidenceHello(msgspec.Struct, frozen=True, tag=True):
    """The evidence process introduces itself; repeated."""

    worker: str


class Cut(msgspec.Struct, frozen=True, tag=True):
    """Make the snapshot of this message; ``slot`` is None when the slot is gone."""

    camera: str
    index: int
    message_id: str
    slot: Slot | None


class CutDone(msgspec.Struct, frozen=True, tag=True):
    """The snapshot is written, or cannot be: the slot may go."""

    camera: str
    index: int
    message_id: str


# ---- classification, a side branch of the reader

WishKey: TypeAlias = tuple[int, int, str]
"""Frame index, track id and classifier: names one answer of a camera."""


class Wish(msgspec.Struct, frozen=True, array_like=True):
    """A part of a frame that a classifier should look at, and when its answer applies."""

    camera: str
    index: int
    track_id: int
    """0: the whole picture."""
    classifier: str
    box_px: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels; for the whole picture its size."""
    due_ns: int
    """Media time from which on the answer counts."""
    arrived_ns: int = 0
    """As ``Frame.arrived_ns``."""
    window: list[int] = []
    """Behaviour: frames of the same track that make up the window which ends with this one; empty: no judgement yet."""
    before: int = -1
    """Behaviour: frame of the sample before this one; -1: there is none."""
    before_px: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Its box."""

    @property
    def key(self) -> WishKey:
        """What its answer is filed under."""
        return self.index, self.track_id, self.classifier


class Wishes(msgspec.Struct, frozen=True, tag=True):
    """From the reader: crops that are wanted. ``complete``: these are all, whatever was said before."""

    camera: str
    wishes: list[Wish]
    complete: bool


class ClassifyHello(msgspec.Struct, frozen=True, tag=True):
    """A classify process introduces itself; repeated."""

    worker: str
    """Name of the process: ``classifier/number``."""


class Crop(msgspec.Struct, frozen=True, tag=True):
    """Answer this wish; ``slot`` is None when the slot is gone."""

    wish: Wish
    slot: Slot | None


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The answer is in the journal, or there will be none: the slot may go."""

    camera: str
    index: int
    track_id: int
    classifier: str


Wire: TypeAlias = (
    CaptureHello
    | Welcome
    | Offer
    | Skip
    | EndOfStream
    | StreamState
    | CaptureSync
    | Synced
    | Release
    | WorkerHello
    | Work
    | Result
    | Failed
    | Refused
    | ReaderHello
    | Wake
    | Passed
    | Keep
    | EvidenceHello
    | Cut
    | CutDone
    | Wishes
    | ClassifyHello
    | Crop
    | Answered
)


# ---- records of a camera's log


class LogHeader(msgspec.Struct, frozen=True, tag=True):
    """First record of each log: what it is a log of."""

    schema: int
    camera: str
    live: bool
    analysis_sha256: str
    source_sha256: str


class EngineRecord(msgspec.Struct, frozen=True, tag=True):
    """The engine that made the detections that follow."""

    engine: str
    model: dict[str, str]
    names: list[str]


class FrameRecord(msgspec.Struct, frozen=True, tag=True):
    """One frame and what became of it. ``detections`` is packed ``Detections``, empty unless analysed."""

    frame: Frame
    status: Status
    detections: bytes = b""


class StreamRecord(msgspec.Struct, frozen=True, tag=True):
    """The camera went offline or came back (live)."""

    online: bool
    media_ns: int
    wall_ns: int | None
    reason: str


class ChangeRecord(msgspec.Struct, frozen=True, tag=True):
    """Something beside the footage, which rules follow, is this from here on (live), or for good (recordings)."""

    what: str
    """As ``RuleOptions.follows`` names it."""
    value: bytes
    """Content of the file that says so; empty where there is none."""


class EndRecord(msgspec.Struct, frozen=True, tag=True):
    """Nothing follows. ``reason`` as in ``EndOfStream``."""

    last_index: int
    reason: str


Record: TypeAlias = LogHeader | EngineRecord | FrameRecord | StreamRecord | ChangeRecord | EndRecord


# ---- records of a journal of answers


class AnswersHeader(msgspec.Struct, frozen=True, tag=True):
    """First record of each journal of answers: which classifier gave them, and what it can say."""

    schema: int
    camera: str
    classifier: str
    analysis_sha256: str
    model: dict[str, str]
    """``name``, ``sha256`` and ``engine``."""
    names: list[str]
    """What its answers can be."""
    frames: int = 0
    """Behaviour: samples in a window; 0 for what is told from one crop."""
    fps: float = 0.0
    """Behaviour: samples a second."""
    scene: bool = False
    """Behaviour: looks at the whole picture, not at tracks."""


class Answer(msgspec.Struct, frozen=True, tag=True):
    """What a classifier says about a wish."""

    index: int
    track_id: int
    classifier: str
    scores: dict[str, float] = {}
    """Probability of each name; empty: it cannot tell."""
    reason: str = ""
    """Why it cannot tell."""
    features: bytes = b""
    """Behaviour: what it saw of this sample, float32."""

    @property
    def key(self) -> WishKey:
        """The wish that it answers."""
        return self.index, self.track_id, self.classifier


class Missed(msgspec.Struct, frozen=True):
    """An answer that did not count, and why: ``late`` (live), ``classify_lost``; or ``joined``, with track id -1: from
    this frame on the classifier takes part (live)."""

    index: int
    track_id: int
    classifier: str
    reason: str

    @property
    def key(self) -> WishKey:
        """The wish that stays without an answer."""
        return self.index, self.track_id, self.classifier


# ---- events


class EventObject(msgspec.Struct, frozen=True, kw_only=True):
    """What the event is about, at its deciding frame."""

    class_name: str = msgspec.field(name="class")
    track_id: int
    confidence: float
    box_px: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels of the source frame."""
    box: tuple[float, float, float, float]
    """The same, divided by the frame's width and height."""
    path: list[tuple[float, float, float]]
    """Anchor points so far: x and y normalised, media time in seconds; thinned to at most 64."""
    attributes: dict[str, str] = {}
    """What the classifiers are agreed on, by name of the classifier: ``{"colour": "red"}``."""


class BestFrame(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that shows the object of an event well."""

    frame: int
    """1-based index in the source."""
    media_time: float
    track_id: int
    """By which it went then."""
    confidence: float
    box_px: tuple[float, float, float, float]
    box: tuple[float, float, float, float]
    """As in ``EventObject``."""
    score: float
    """Side of a square of the box's size in pixels, times confidence; half of that where the border of the picture may
    cut the object off."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One message about one event: its start, an update, or its end. Times are seconds of media time.

    Nothing here depends on the run: no processing time, no run id, no path of this machine.
    """

    schema: int = SCHEMA
    id: str
    """The same from start to end."""
    message_id: str
    """Unique for each message: the idempotency key."""
    type: str
    """``start``, ``update`` or ``end``."""
    camera: str
    rule: str
    """Kind of rule, such as ``in_field``."""
    name: str
    """The user's name for it."""
    severity: str
    """``low``, ``medium``, ``high`` or ``critical``."""
    ordinal: int
    """Counts the messages of the camera, from 1."""
    media_time: float
    started: float
    """Media time of the start."""
    frame: int
    """Deciding frame, 1-based index in the source."""
    wall_time: str | None = None
    """RFC 3339 UTC, where known."""
    reason: str
    """One line for people: why this message was sent."""
    ended: str = ""
    """Ends: ``left``, ``lost``, ``momentary``, ``end_of_stream`` or ``evidence_lost``; else empty."""
    object: EventObject | None = None
    best: list[BestFrame] = []
    """Ends: frames that show the object well by size and confidence, the best of them first."""
    region: dict[str, Any] = {}
    """The zone or line, normalised points: ``{"zone": [[x, y], ...]}`` or ``{"line": [[x, y], [x, y]]}``."""
    score_history: list[tuple[float, float]] = []
    """Media time and confidence of the object's last detections."""
    why: list[dict[str, Any]] = []
    """Rule trace, in order: ``{"time", "predicate", "value", "comparison", "threshold"}``, the first of a start's
    claim with what else explains it. ``stages.alert.verdict`` computes the verdict from it again."""
    evidence: dict[str, str] = {}
    """Paths within the output directory. Starts: ``snapshot``. Ends of recordings: ``best``, the sharpest of the
    frames of ``best``, and ``crop``, the object alone. ``clip``."""
    model: dict[str, str] = {}
    """``name`` and ``sha256`` of the detector."""
    analysis_sha256: str = ""
    version: str = ""
    """Of Bartizan, which decided."""
    correlation_id: str = ""
    """Names the deciding frame: ``camera/session/index``."""
