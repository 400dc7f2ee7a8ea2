"""A small world around the pure dispatcher: captures with slots, workers that read them, a network that may lose.

Pixels are modelled: each slot holds the index of the frame written last, a worker answers with what it finds there,
so a slot that was released too early shows up as a wrong answer in the log. The reader wishes for a crop of every
third analysed frame; a classifier cuts it where it finds it, or has the recording decoded again.
"""

from collections import deque
from dataclasses import dataclass, field

from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.dispatcher import Dispatcher
from pipeline.dispatch.effects import Append, Effect, Overdue, Send
from pipeline.dispatch.limits import Limits
from pipeline.messages import (
    Answered,
    CaptureHello,
    CaptureSync,
    ClassifyHello,
    Crop,
    EndOfStream,
    EndRecord,
    EngineRecord,
    Failed,
    Frame,
    FrameRecord,
    Offer,
    Passed,
    ReaderHello,
    Record,
    Refused,
    Release,
    Result,
    Skip,
    Slot,
    Status,
    Synced,
    Welcome,
    Wire,
    Wish,
    Wishes,
    WishKey,
    Work,
    WorkerHello,
)

SECOND = 1_000_000_000
LIMITS = Limits(window=64, hold=2, lease_ns=10 * SECOND, staleness_ns=SECOND // 2)


@dataclass
class CaptureModel:
    """One capture incarnation of a recording (or live camera) of ``frames`` frames."""

    camera: str
    live: bool
    frames: int
    slots: int
    incarnation: str
    static: frozenset[int]
    pixels: dict[tuple[str, int], int]
    epoch: str = ""
    welcomed: bool = False
    ended: bool = False
    position: int = 0
    session: int = 0
    media_ns: int = -1
    free: deque[int] = field(default_factory=deque)
    lent: dict[int, int] = field(default_factory=dict)
    announced: dict[int, Offer | Skip] = field(default_factory=dict)
    generation: int = 0

    def __post_init__(self) -> None:
        self.free = deque(range(self.slots))

    def hello(self) -> Wire:
        return CaptureHello(self.camera, self.incarnation, self.live, "sha")

    def sync(self) -> list[Wire]:
        messages: list[Wire] = [
            CaptureSync(self.camera, self.incarnation, sorted(self.announced), sorted(self.lent), self.position)
        ]
        if self.welcomed and self.position >= self.frames:
            messages.append(EndOfStream(self.camera, self.incarnation, self.position - 1, "eof"))
        return messages

    def step(self, now_ns: int) -> Wire | None:
        """Read the next frame and announce it, if there is room."""
        if not self.welcomed or self.ended or self.position >= self.frames or len(self.announced) >= 32:
            return None
        index = self.position
        media_ns = max(self.media_ns + 1, now_ns if self.live else index * 100)
        frame = Frame(self.camera, self.session, index, media_ns, arrived_ns=now_ns)
        message: Offer | Skip
        if index in self.static:
            message = Skip(self.incarnation, frame, Status.STATIC)
        elif self.free:
            number = self.free.popleft()
            self.generation += 1
            self.pixels[self.incarnation, number] = index
            self.lent[index] = number
            message = Offer(self.incarnation, frame, Slot(self.incarnation, number, self.generation, (1, 1, 3)))
        elif self.live:
            message = Skip(self.incarnation, frame, Status.NO_SLOT)
        else:
            return None
        self.position, self.media_ns = index + 1, media_ns
        self.announced[index] = message
        return message

    def take(self, message: Wire) -> list[Wire]:
        """React to a message of the dispatcher."""
        again: list[Wire] = []
        match message:
            case Welcome() if message.incarnation == self.incarnation:
                if not self.welcomed:
                    self.welcomed, self.position = True, message.next_index
                    self.session, self.media_ns = message.next_session, message.last_media_ns
                if message.epoch != self.epoch:
                    self.epoch = message.epoch
                    self._committed(message.committed)
                    again = [self.announced[i] for i in sorted(self.announced)]
                self.ended = message.ended
            case Release() if message.incarnation == self.incarnation:
                self._release(message.indexes)
                self._committed(message.next_index)
            case Synced() if message.incarnation == self.incarnation:
                self._release(message.free)
                self._committed(message.next_index)
                again = [self.announced[i] for i in message.missing if i in self.announced]
                self.ended = message.ended
        return again

    def _release(self, indexes: list[int]) -> None:
        for index in indexes:
            if index in self.lent:
                self.free.append(self.lent.pop(index))

    def _committed(self, next_index: int) -> None:
        for index in [i for i in self.announced if i < next_index]:
            del self.announced[index]


class World:
    """Everything; ``logs`` and nothing else survives a restart of the dispatcher."""

    def __init__(
        self, cameras: dict[str, tuple[bool, int, frozenset[int]]], *, workers: int = 2, slots: int = 4
    ) -> None:
        self.now = SECOND
        self.cameras = cameras
        self.slots = slots
        self.pixels: dict[tuple[str, int], int] = {}
        self.logs: dict[str, list[Record]] = {name: [] for name in cameras}
        self.passed: dict[str, int] = dict.fromkeys(cameras, -1)
        self.counter = 0
        self.seen_by_reader: dict[str, int] = dict.fromkeys(cameras, -1)
        self.wishes: dict[str, dict[WishKey, Wish]] = {name: {} for name in cameras}
        """Open ones."""
        self.crops: list[Crop] = []
        """The classifier's queue."""
        self.classifier = "c-0"
        self.stale_crops = 0
        self.cropped: dict[str, set[int]] = {name: set() for name in cameras}
        self.to_dispatch: deque[tuple[bytes, Wire]] = deque()
        self.to_peer: dict[bytes, deque[Wire]] = {}
        self.dispatcher = self._dispatcher()
        self.captures = {name: self._capture(name) for name in cameras}
        self.workers: dict[str, list[tuple[Work, int | None]]] = {}
        """Incarnation to its queue: the work, and the pixels read so far (None before it looked)."""
        self.poison: set[tuple[str, int]] = set()
        self.overdue: list[str] = []
        for _ in range(workers):
            self.new_worker()
        self.settle()

    def settle(self) -> None:
        """Everybody has said hello and has been heard."""
        for name in self.cameras:
            self.sync(name)
        self.greet()
        while self.to_dispatch:
            self.deliver()
        self.hear()

    # ---- building

    def _dispatcher(self) -> Dispatcher:
        self.counter += 1
        books = {}
        for name, (live, _, _) in self.cameras.items():
            book = CameraBook(name, live)
            for record in self.logs[name]:
                match record:
                    case FrameRecord(frame, status):
                        book.next_index, book.next_session = frame.index + 1, frame.session + 1
                        book.last_media_ns = frame.media_ns
                        book.counts[status] = book.counts.get(status, 0) + 1
                    case EngineRecord():
                        book.engine = record
                    case EndRecord():
                        book.ended = True
            books[name] = book
        return Dispatcher(f"epoch{self.counter}", books, LIMITS, classify={"c": 1})

    def _capture(self, name: str) -> CaptureModel:
        self.counter += 1
        live, frames, static = self.cameras[name]
        return CaptureModel(name, live, frames, self.slots, f"{name}-{self.counter}", static, self.pixels)

    def new_worker(self) -> None:
        self.counter += 1
        self.workers[f"worker-{self.counter}"] = []

    # ---- faults

    def restart_dispatcher(self) -> None:
        self.to_dispatch.clear()
        self.to_peer.clear()
        self.dispatcher = self._dispatcher()

    def restart_capture(self, name: str) -> None:
        old = self.captures[name]
        if old.ended:
            return
        self.to_dispatch = deque(m for m in self.to_dispatch if m[0] != old.incarnation.encode())
        self.captures[name] = self._capture(name)
        for key in [key for key in self.pixels if key[0] == old.incarnation]:
            self.pixels[key] = -1

    def kill_worker(self, name: str, *, by_itself: bool) -> None:
        del self.workers[name]
        self.apply(self.dispatcher.worker_died(name, by_itself=by_itself))
        self.new_worker()

    def restart_classifier(self) -> None:
        self.counter += 1
        self.classifier = f"c-{self.counter}"
        self.crops.clear()

    def lose_one(self, choice: int) -> None:
        if self.to_dispatch:
            del self.to_dispatch[choice % len(self.to_dispatch)]

    def lose_one_answer(self, choice: int) -> None:
        queues = [queue for queue in self.to_peer.values() if queue]
        if queues:
            queue = queues[choice % len(queues)]
            del queue[choice % len(queue)]

    # ---- ordinary life

    def apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(peer, message):
                    self.to_peer.setdefault(peer, deque()).append(message)
                case Append(camera, record):
                    self.logs[camera].append(record)
                case Overdue(worker):
                    self.overdue.append(worker)

    def send(self, peer: str, message: Wire) -> None:
        self.to_dispatch.append((peer.encode(), message))

    def deliver(self) -> None:
        if self.to_dispatch:
            peer, message = self.to_dispatch.popleft()
            self.apply(self.dispatcher.receive(peer, message, self.now))

    def hear(self) -> None:
        """Everybody reads what has come for them."""
        for name, capture in self.captures.items():
            for message in self._inbox(capture.incarnation):
                for answer in capture.take(message):
                    self.send(self.captures[name].incarnation, answer)
        for name, queue in self.workers.items():
            for message in self._inbox(name):
                assert not isinstance(message, Refused), message
                if isinstance(message, Work):
                    queue.append((message, None))
        self.crops += [message for message in self._inbox(self.classifier) if isinstance(message, Crop)]

    def _inbox(self, peer: str) -> list[Wire]:
        queue = self.to_peer.get(peer.encode(), deque())
        messages = list(queue)
        queue.clear()
        return messages

    def look(self, name: str) -> None:
        """A worker reads the pixels of its first frame."""
        queue = self.workers[name]
        if queue and queue[0][1] is None:
            work = queue[0][0]
            queue[0] = (work, self.pixels.get((work.slot.ring, work.slot.number), -1))

    def finish(self, name: str) -> None:
        """A worker answers for its first frame, or dies of it."""
        self.look(name)
        queue = self.workers[name]
        if not queue:
            return
        work, seen = queue[0]
        if (work.frame.camera, work.frame.index) in self.poison:
            self.kill_worker(name, by_itself=True)
            return
        queue.pop(0)
        if seen == -1:
            self.send(name, Failed(name, work.lease, "stale", stale=True))
        else:
            self.send(name, Result(name, work.lease, str(seen).encode(), 1))

    def capture_step(self, name: str) -> None:
        message = self.captures[name].step(self.now)
        if message is not None:
            self.send(self.captures[name].incarnation, message)

    def sync(self, name: str) -> None:
        capture = self.captures[name]
        if capture.ended:
            return
        self.send(capture.incarnation, capture.hello())
        if capture.welcomed:
            for message in capture.sync():
                self.send(capture.incarnation, message)

    def greet(self) -> None:
        for name, queue in self.workers.items():
            leases = [work.lease for work, _ in queue]
            self.send(name, WorkerHello(name, "detect", "engine", 1, {}, ["thing"], leases))
        self.send(self.classifier, ClassifyHello("c/0"))

    def read(self) -> None:
        self.send("reader", ReaderHello("reader"))
        for name, log in self.logs.items():
            indexes = [r.frame.index for r in log if isinstance(r, FrameRecord)]
            if indexes:
                self._wish(name, [r for r in log if isinstance(r, FrameRecord)])
                self.send("reader", Passed(name, indexes[-1]))

    def _wish(self, name: str, records: list[FrameRecord]) -> None:
        fresh = [r.frame for r in records if r.frame.index > self.seen_by_reader[name] and r.status is Status.ANALYSED]
        self.seen_by_reader[name] = records[-1].frame.index
        wishes = [Wish(name, frame.index, 1, "c", (0, 0, 1, 1), 0) for frame in fresh if frame.index % 3 == 0]
        self.wishes[name] |= {wish.key: wish for wish in wishes}
        if wishes:
            self.send("reader", Wishes(name, wishes, complete=False))

    def sync_wishes(self) -> None:
        """The reader says what it still waits for."""
        for name, wishes in self.wishes.items():
            self.send("reader", Wishes(name, list(wishes.values()), complete=True))

    def crop(self) -> None:
        """The classifier answers its first crop; the answer is in its journal before it says so."""
        if not self.crops:
            return
        wish, slot = self.crops[0].wish, self.crops.pop(0).slot
        if wish.key in self.wishes[wish.camera]:
            del self.wishes[wish.camera][wish.key]
            self.cropped[wish.camera].add(wish.index)
            if slot is None or self.pixels.get((slot.ring, slot.number), -1) != wish.index:
                self.stale_crops += 1
        self.send(self.classifier, Answered(wish.camera, *wish.key))

    def quiesce(self, rounds: int = 400) -> None:
        """No more faults: let everything finish."""
        for _ in range(rounds):
            if self._is_over():
                return
            self.now += SECOND // 5
            for name in self.cameras:
                self.sync(name)
                for _ in range(3):
                    self.capture_step(name)
            self.greet()
            self.read()
            self.sync_wishes()
            while self.to_dispatch:
                self.deliver()
            self.apply(self.dispatcher.tick(self.now))
            self.hear()
            for name in list(self.workers):
                if name in self.workers:
                    self.finish(name)
            self.crop()  # slower than everybody else
        raise AssertionError(f"not finished: {[(n, len(log)) for n, log in self.logs.items()]} {self.dispatcher}")

    def _is_over(self) -> bool:
        """Every log has its end, every wish its answer, and every slot is free."""
        ended = all(self.logs[name] and isinstance(self.logs[name][-1], EndRecord) for name in self.cameras)
        return (
            ended
            and not any(self.wishes.values())
            and all(self.seen_by_reader[name] == self.cameras[name][1] - 1 for name in self.cameras)
            and not any(capture.lent for capture in self.captures.values())
        )

    # ---- what must hold

    def check(self) -> None:
        for name, (live, frames, static) in self.cameras.items():
            records = [r for r in self.logs[name] if isinstance(r, FrameRecord)]
            indexes = [r.frame.index for r in records]
            assert indexes == list(range(len(indexes))), f"{name}: every frame once, in order"
            media = [r.frame.media_ns for r in records]
            assert media == sorted(set(media)), f"{name}: media time rises"
            for record in records:
                if record.status is Status.ANALYSED:
                    assert record.detections == str(record.frame.index).encode(), "pixels of another frame"
            wanted = {r.frame.index for r in records if r.status is Status.ANALYSED and r.frame.index % 3 == 0}
            assert self.cropped[name] == wanted, f"{name}: every wish is answered"
            if not live:
                self._check_recording(name, frames, static, records)

    def _check_recording(self, name: str, frames: int, static: frozenset[int], records: list[FrameRecord]) -> None:
        assert len(records) == frames, f"{name}: no frame is lost"
        for record in records:
            index = record.frame.index
            if index in static:
                assert record.status is Status.STATIC
            elif (name, index) in self.poison:
                assert record.status is Status.POISON
            else:
                assert record.status is Status.ANALYSED

    def normalised(self, name: str) -> list[Record]:
        """A log without what depends on the run."""
        return [replace_arrival(record) if isinstance(record, FrameRecord) else record for record in self.logs[name]]


def replace_arrival(record: FrameRecord) -> FrameRecord:
    """The record without its arrival time."""
    import msgspec

    frame = msgspec.structs.replace(record.frame, arrived_ns=0)
    return msgspec.structs.replace(record, frame=frame)
