"""The state machine: a message or the time goes in, effects come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.dispatch.announcements import Announcements
from pipeline.dispatch.assignment import Assignment
from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.captures import Captures
from pipeline.dispatch.crew import Crew
from pipeline.dispatch.crops import Crops
from pipeline.dispatch.effects import Effect, Effects
from pipeline.dispatch.engine_pin import EnginePin
from pipeline.dispatch.held_slots import HeldSlots
from pipeline.dispatch.leases import Leases
from pipeline.dispatch.ledger import Ledger
from pipeline.dispatch.limits import Limits
from pipeline.dispatch.reader import Reader
from pipeline.dispatch.snapshots import Snapshots
from pipeline.dispatch.worker import Worker
from pipeline.messages import (
    Answered,
    Candidates,
    CaptureHello,
    CaptureSync,
    ClassifyHello,
    CutDone,
    EndOfStream,
    EvidenceHello,
    Failed,
    Keep,
    Offer,
    Passed,
    ReaderHello,
    Result,
    Skip,
    StreamState,
    Wire,
    Wishes,
    WorkerHello,
)


@dataclass
class Dispatcher:
    """State of all cameras and workers of a run. Methods return the effects, in order."""

    epoch: str
    """Names this incarnation; leases of another one are not accepted."""
    cameras: dict[str, CameraBook]
    limits: Limits = field(default_factory=Limits)
    classify: Mapping[str, int] = field(default_factory=dict)
    """How many processes each classifier has; a track is always the same one's."""
    workers: dict[str, Worker] = field(default_factory=dict)

    def __post_init__(self) -> None:
        effects = self._effects = Effects()
        self._reader = Reader(effects)
        self._slots = HeldSlots(self.limits.hold, self.cameras, effects, self._reader)
        engine = EnginePin(self.cameras, effects)
        ledger = Ledger(effects, self._slots, engine)
        leases = Leases(self.epoch, self.cameras, self.workers, effects, ledger)
        self._crew = Crew(self.cameras, self.workers, self.limits, effects, ledger, leases, engine)
        self._assignment = Assignment(self.limits.staleness_ns, self.cameras, self.workers, leases, ledger)
        self._captures = Captures(self.epoch, self.cameras, effects, ledger, leases)
        self._announcements = Announcements(self.limits.window, self.cameras, effects, self._slots, ledger)
        self._snapshots = Snapshots(self.cameras, effects, self._slots)
        self._crops = Crops(self.cameras, self.classify, effects, self._slots, self._reader)

    def receive(self, peer: bytes, message: Wire, now_ns: int) -> list[Effect]:
        """Take one message from a peer."""
        match message:
            case CaptureHello():
                self._captures.hello(peer, message)
            case Offer() | Skip():
                self._announcements.take(message)
            case CaptureSync():
                self._captures.sync(peer, message)
            case EndOfStream():
                self._captures.end_of_stream(message)
            case StreamState():
                self._captures.stream_state(message)
            case WorkerHello():
                self._crew.hello(peer, message, now_ns)
            case Result():
                self._crew.result(message)
            case Failed():
                self._crew.failed(message)
            case ReaderHello():
                self._reader.peer = peer
            case Passed():
                self._slots.passed(message)
            case Keep():
                self._snapshots.keep(message)
            case Candidates():
                self._snapshots.candidates(message)
            case EvidenceHello():
                self._snapshots.hello(peer)
            case CutDone():
                self._snapshots.done(message)
            case Wishes():
                self._crops.wished(message)
            case ClassifyHello():
                self._crops.hello(peer, message)
            case Answered():
                self._crops.answered(message)
            case _:
                self._effects.refuse(f"unexpected {type(message).__name__}")
        self._assignment.assign(now_ns)
        return self._effects.flush()

    def tick(self, now_ns: int) -> list[Effect]:
        """Look at the time: overdue leases, stale offers."""
        self._crew.look_after(now_ns)
        self._assignment.assign(now_ns)
        return self._effects.flush()

    def worker_died(self, worker_name: str, *, by_itself: bool) -> list[Effect]:
        """A worker is gone. ``by_itself`` is False where somebody killed or froze it from outside.

        Its frames wait for the next ``tick``, so that several deaths can be told before anybody gets them.
        """
        self._crew.died(worker_name, by_itself=by_itself)
        return self._effects.flush()

    def undelivered(self, peer: bytes) -> list[Effect]:
        """Work could not be handed to this peer: whoever it was is gone, or will say hello again."""
        self._crew.undelivered(peer)
        return self._effects.flush()

    def give_up(self, camera: str, reason: str) -> list[Effect]:
        """A camera will never come back in this run: commit what can be, then end its log."""
        self._captures.give_up(camera, reason)
        return self._effects.flush()

    def wake(self, lengths: Mapping[str, int]) -> list[Effect]:
        """Tell the reader how far the logs of these cameras reach."""
        for camera, length in lengths.items():
            self._reader.wake(camera, length)
        return self._effects.flush()

    def complete(self) -> bool:
        """Every camera's log has its end."""
        return all(book.ended for book in self.cameras.values())

    @property
    def refused(self) -> dict[str, int]:
        """Messages not accepted, by reason."""
        return self._effects.refused
