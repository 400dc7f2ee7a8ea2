"""What detect workers and the dispatcher tell one another."""

import msgspec

from pipeline.messages.frame import Frame, Slot


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
