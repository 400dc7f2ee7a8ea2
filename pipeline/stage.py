"""What the machine asks of the work: the interfaces that the packages under ``stages/`` fulfil.

A stage is work, not plumbing: it is built from its options, gets its input by argument and gives its output by
return. It opens no socket, starts no thread, and reads no clock that it was not given.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from pipeline.detections import Detections, Tracks
from pipeline.messages import Answer, AnswersHeader, Event, Frame, Missed, Record, Status, Wish

Picture = npt.NDArray[np.uint8]
"""uint8 (height, width, 3), BGR."""
Plane = npt.NDArray[np.uint8]
"""uint8 (height, width)."""


# ---- sources


@dataclass(frozen=True, slots=True)
class Grab:
    """One decoded picture, fresh from a source."""

    pixels: Picture
    """Lies in the canvas that was handed to ``read`` where possible, else in an array of its own."""
    pts_ns: int | None
    """Presentation time within this opening of the source, or None where the source has none."""
    wall_ns: int | None = None
    """The camera's own clock (RTCP sender report), where known."""
    key_frame: bool = False
    corrupt: bool = False
    """The decoder says that the picture is damaged."""


class Source(Protocol):
    """A camera, stream or recording, behind one backend. ``live`` sources lose what is not read in time."""

    live: bool
    frames: int | None
    """Number of frames, where a recording tells (an estimate: good for a progress bar only)."""

    def open(self) -> None:
        """Connect, within the open timeout. Raises ``SourceRefused``, ``SourceStalled`` or ``SourceError``."""
        ...

    def read(self, canvas: Picture | None) -> Grab:
        """Decode the next picture, into ``canvas`` if it has the right shape.

        Raises ``SourceEnded`` after the last one, ``SourceStalled`` if nothing came within the read timeout,
        ``SourceError`` otherwise.
        """
        ...

    def close(self) -> None:
        """Let go of the device or connection; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class Captured:
    """One frame as a camera's capture stage hands it on."""

    frame: Frame
    pixels: Picture
    """Masked; in the canvas where possible."""
    aux: Plane | None
    """Foreground mask of the motion model, coarse, where the detector asks for it."""
    skip: Status | None
    """None to have it analysed, else why not."""


class Capture(Protocol):
    """One camera: its source, session clock, privacy masks, motion gate and foreground model."""

    live: bool
    source_sha256: str
    frames: int | None

    def open(self, *, session: int, next_index: int, last_media_ns: int) -> None:
        """Open the source. A live camera numbers its frames from ``next_index`` and its media time goes on after
        ``last_media_ns``; a recording always starts at frame 0 and is decoded up to the frame wanted."""
        ...

    def capture(self, canvas: Picture | None) -> Captured:
        """The next frame. Raises what ``Source.read`` raises."""
        ...

    def close(self) -> None:
        """Close the source; safe to call twice."""
        ...


# ---- detection


@dataclass(frozen=True, slots=True)
class View:
    """A frame and its pixels, lent for the length of one call: read only, keep nothing."""

    frame: Frame
    pixels: Picture
    aux: Plane | None = None


class Detector(Protocol):
    """Boxes from single frames. Equal frames give equal boxes, whatever shared the batch."""

    engine: str
    """Fingerprint: runtime and version, precision, device kind, model digest."""
    model: dict[str, str]
    """``name`` and ``sha256``."""
    names: list[str]
    capacity: int
    """How many frames it takes at once."""

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """One ``Detections`` for each frame, in order, in pixels of that frame."""
        ...


class AsyncDetector(Detector, Protocol):
    """A detector that can have frames under way while its caller does something else; optional.

    The caller keeps ``room`` at zero while there is work, and collects in the order in which it submitted.
    """

    @property
    def in_flight(self) -> int:
        """Frames submitted and not yet collected."""
        ...

    @property
    def room(self) -> int:
        """Frames that can be submitted now."""
        ...

    def submit(self, view: View) -> int:
        """Start on a frame and return its ticket. The pixels are read before this returns: the slot is free."""
        ...

    def collect(self) -> tuple[int, Detections]:
        """Ticket and boxes of the frame submitted first; waits for it."""
        ...


# ---- tracking and alerting


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """The tracks at one frame, for export. ``index`` counts the source's frames from 0."""

    index: int
    media_ns: int
    tracks: Tracks


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch of log records led to."""

    events: list[Event]
    tracked: list[TrackedFrame]
    wishes: list[Wish] = field(default_factory=list)
    """Crops that classifiers should look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """When a classifier is asked, and about what. Times are nanoseconds of media time."""

    name: str
    cameras: tuple[str, ...]
    classes: tuple[str, ...]
    """Names of the classes it looks at; empty: all."""
    delay_ns: int
    """From a frame until its answer counts."""
    every_ns: int
    """Between two crops of a track whose answers do not agree yet."""
    settled_ns: int
    """The same once they agree."""
    min_px: int
    """Least width and height of a crop."""


Fact = AnswersHeader | Answer | Missed
"""What the alert stage learns from beside the log: that a classifier takes part, its answers, and what it missed."""


class Tracker(Protocol):
    """Identities on one camera. One object for each camera; nothing is shared between cameras."""

    def update(self, frame: Frame, status: Status, detections: Detections) -> Tracks:
        """Feed the next frame of the camera, whatever became of it.

        ``analysed``: associate ``detections``. ``static``: the picture did not change, hold every track where it
        is. Any other status: nothing is known of this frame, time advances.
        """
        ...

    def state(self) -> bytes:
        """All that is remembered; equal histories give equal bytes."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on from what ``state`` gave."""
        ...


class Alert(Protocol):
    """Tracks, rules and events as a pure function of (state, records), in media time."""

    def process(self, camera: str, records: Sequence[Record]) -> Outcome:
        """Feed the next records of one camera's log."""
        ...

    def wishes(self, camera: str) -> Sequence[Wish]:
        """Those without an answer. One that is due by the next frame's media time must be learned before that frame."""
        ...

    def learn(self, camera: str, facts: Sequence[Fact]) -> None:
        """Take in answers, or that there will be none. Raises ``UsageError`` for a rule that no answer can fulfil."""
        ...

    def classified(self, camera: str) -> dict[str, dict[str, int]]:
        """What came of the wishes so far, by classifier: ``wished``, ``answered``, and what was missed by reason."""
        ...

    def candidates(self, camera: str) -> Sequence[int]:
        """Frames of a live camera whose picture may become the best one of an event, all of them, by index."""
        ...

    def state(self, camera: str) -> bytes:
        """All that is remembered of a camera; equal histories give equal bytes."""
        ...

    def restore(self, camera: str, state: bytes) -> None:
        """Go on from what ``state`` gave."""
        ...


@runtime_checkable
class Dozing(Protocol):
    """An alert stage that can tell when nothing is under way; it may leave that to others."""

    def is_idle(self, camera: str) -> bool:
        """Whether frames without tracks could be left out from here on, and nothing that is told later would change."""
        ...


# ---- classification


@runtime_checkable
class CropClassifier(Protocol):
    """Tells what a crop shows. Equal crops give equal answers, whatever shared the batch."""

    model: dict[str, str]
    """``name`` and ``sha256``."""

    @property
    def names(self) -> Sequence[str]:
        """What it can say."""
        ...

    def process(self, crops: Sequence[Picture]) -> npt.NDArray[np.float32]:
        """Probabilities, float32 (n, classes)."""
        ...


class BehaviourModel(Protocol):
    """Tells what goes on over time, from samples of a track or of the whole picture."""

    model: dict[str, str]
    frames: int
    """Samples in a window."""
    fps: float
    """Samples a second."""
    scope: str
    """``track`` or ``scene``."""
    width: int
    """Numbers that describe one sample."""
    needs_previous: bool
    """Whether it looks at the sample before, too."""

    @property
    def names(self) -> Sequence[str]:
        """What it can say."""
        ...

    def embed(
        self, crops: Sequence[Picture], previous: Sequence[Picture | None] | None = None
    ) -> npt.NDArray[np.float32]:
        """What is seen in each sample, float32 (n, width); ``previous``: the sample before each, where there is one."""
        ...

    def judge(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities, float32 (n, classes), of windows float32 (n, frames, width)."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """A wish and its pixels: uint8 (h, w, 3) BGR, the stage's own."""

    wish: Wish
    pixels: Picture


class Classify(Protocol):
    """Answers wishes of one camera, with one model."""

    model: dict[str, str]
    names: list[str]
    frames: int
    """Samples in a window; 0 where each crop is judged for itself."""
    fps: float
    scene: bool
    engine: str
    """What computes it: answers of another one may differ."""
    margin: float
    """How far a box is widened on each side, as a share of its size."""

    def lacks(self, wish: Wish) -> bool:
        """Whether the pixels of the sample before this one are needed and unknown: ``show`` them first."""
        ...

    def show(self, look: Look) -> None:
        """The pixels of a sample that was answered by an earlier incarnation."""
        ...

    def process(self, batch: Sequence[Look]) -> list[Answer]:
        """Answers to these wishes and to earlier ones that had to wait for them. An empty list is possible."""
        ...

    def remember(self, answer: Answer) -> None:
        """Take note of an answer of an earlier incarnation, in the order in which they were given."""
        ...


# ---- evidence and delivery


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that a frame shows."""

    class_name: str
    track_id: int
    """0: a detection, of a track or of none."""
    box_px: tuple[float, float, float, float]
    held: bool = False
    """A track that no detection supports at this frame: where it is taken to be."""


@dataclass(frozen=True, slots=True)
class Around:
    """Everything that was seen in a frame, the object of the event included, most of it twice."""

    names: tuple[str, ...] = ()
    """Class names that the detector knows."""
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """What was seen at one time of a clip."""

    at_ns: int
    """From the beginning of the clip; may be negative, and beyond its end."""
    size: tuple[int, int]
    """Width and height of the frame that was analysed."""
    around: Around


NOBODY = Around()
"""Where there is nothing else."""


class Evidence(Protocol):
    """Pictures that prove an event."""

    def process(self, event: Event, pixels: Picture, around: Around | None = NOBODY) -> bytes:
        """The snapshot of an event as JPEG. ``pixels`` are read only. ``around``: what else is there to be hidden;
        None: nobody knows, so everything but the object is."""
        ...

    def crop(self, event: Event, pixels: Picture, around: Around | None = NOBODY) -> bytes:
        """The object of the event alone, as JPEG; arguments as for ``process``."""
        ...

    def sharpness(self, pixels: Picture, box_px: tuple[float, float, float, float]) -> float:
        """How sharp what lies in a box is; more is sharper. Comparable between frames of one object."""
        ...

    def pack(self, pixels: Picture) -> bytes:
        """The picture as it was, for ``unpack``."""
        ...

    def unpack(self, packed: bytes) -> Picture:
        """The pixels of a packed picture, nearly as they were."""
        ...

    def original(self, pixels: Picture) -> bytes | None:
        """The picture as it was, as JPEG; None where it is not to be kept."""
        ...


class Sink(Protocol):
    """A place where events go. All calls come from one thread, which serves no other sink: they may wait.

    Some methods are optional. ``open() -> None`` is called now and then while there is nothing to send: it connects,
    if that is not so already, or raises ``DeliveryError``. ``look_in(out: Path) -> None`` tells, once and before all
    else, where the result folder is, in which the paths of ``Event.evidence`` lie. Two more are for sinks that speak
    other systems' dialects: ``meet(cameras: Mapping[str, Sequence[tuple[str, str]]]) -> None`` tells each camera with
    the kinds and names of the rules that watch it, ``look_back(past) -> None`` whom to ask for the earlier messages of
    an event and for what is going on (``stages.deliver.past.Past``).
    """

    def send(self, event: Event, *, key: str) -> None:
        """Deliver one message; returning means that the receiver acknowledged it.

        ``key`` is the idempotency key. Raises ``DeliveryError``.
        """
        ...

    def close(self) -> None:
        """Let go of connections; safe to call twice."""
        ...
