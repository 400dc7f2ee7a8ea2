"""The dispatcher's rules as a pure state machine: it owns every lease and every drop, and has no pixels.

Messages and the time go in by method call, effects come out as a list: ``Send``, ``Append`` and ``Overdue``. Nothing
here reads a clock, a socket or a file, so every death, freeze, loss and delay can be tried in a test. The process
around it is ``pipeline.runners.dispatch``.

The rules: a live camera keeps only its newest offer; a recording keeps all of them, in order, and loses none. A
result is accepted once, for a lease that is open. Results enter a camera's log in order; the append is the commit.
A slot is released when its frame is committed, the reader has passed it and neither a snapshot nor a crop of it is
wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from pipeline.leases import CameraBook, Lease, Pending, Worker
from pipeline.messages import (
    CANDIDATE,
    Answered,
    Candidates,
    CaptureHello,
    CaptureSync,
    ClassifyHello,
    Crop,
    Cut,
    CutDone,
    EndOfStream,
    EndRecord,
    EngineRecord,
    EvidenceHello,
    Failed,
    FrameRecord,
    Keep,
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
    StreamRecord,
    StreamState,
    Synced,
    Wake,
    Welcome,
    Wire,
    Wish,
    Wishes,
    Work,
    WorkerHello,
)

TELLING = 16
"""Capture is told of the commit point at least this often; usually it comes with the slots that are free."""

CUTTING = 3
"""Candidates of a camera that are being cut, at most: evidence that falls behind gets fewer, and analysis its slots."""

STRIKES = 2
"""A frame that by itself crashed this many workers is poison."""


@dataclass(frozen=True, slots=True)
class Send:
    """Hand this message to this peer."""

    peer: bytes
    message: Wire


@dataclass(frozen=True, slots=True)
class Append:
    """Write this record to the camera's log: the commit."""

    camera: str
    record: Record


@dataclass(frozen=True, slots=True)
class Overdue:
    """This worker has had a lease for too long: whoever owns processes should look after it."""

    worker: str


Effect = Send | Append | Overdue


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the dispatcher, all durations in nanoseconds."""

    window: int = 256
    """Frames of a camera between the first uncommitted one and the last announced one."""
    hold: int = 8
    """Committed slots of a camera that wait for the reader, at most."""
    lease_ns: int = 10_000_000_000
    staleness_ns: int = 500_000_000
    """Live: age of an offer at which it is dropped instead of analysed."""
    lost_ns: int = 1_000_000_000
    """Age of a lease that its worker does not know of."""


@dataclass
class Dispatcher:
    """State of all cameras and workers of a run. Methods return the effects, in order."""

    epoch: str
    """Names this incarnation; leases of another one are not accepted."""
    cameras: dict[str, CameraBook]
    limits: Limits = field(default_factory=Limits)
    workers: dict[str, Worker] = field(default_factory=dict)
    engine: EngineRecord | None = None
    reader: bytes | None = None
    evidence: bytes | None = None
    classify: Mapping[str, int] = field(default_factory=dict)
    """How many processes each classifier has; a track is always the same one's."""
    classifiers: dict[str, bytes] = field(default_factory=dict)
    """Classify processes by name, ``classifier/number``."""
    dead: set[str] = field(default_factory=set)
    """Workers that are gone: what they said before may still arrive."""
    refused: dict[str, int] = field(default_factory=dict)
    """Messages not accepted, by reason."""
    _effects: list[Effect] = field(default_factory=list)
    _leases: int = 0

    # ---- what comes in

    def receive(self, peer: bytes, message: Wire, now_ns: int) -> list[Effect]:
        """Take one message from a peer."""
        match message:
            case CaptureHello():
                self._capture_hello(peer, message)
            case Offer() | Skip():
                self._announced(peer, message)
            case CaptureSync():
                self._sync(peer, message)
            case EndOfStream():
                self._end_of_stream(message)
            case StreamState():
                self._stream_state(message)
            case WorkerHello():
                self._worker_hello(peer, message, now_ns)
            case Result():
                self._result(message)
            case Failed():
                self._failed(message)
            case ReaderHello():
                self.reader = peer
            case Passed():
                self._passed(message)
            case Keep():
                self._keep(message)
            case Candidates():
                self._candidates(message)
            case EvidenceHello():
                self._evidence_hello(peer)
            case CutDone():
                self._cut_done(message)
            case Wishes():
                self._wishes(message)
            case ClassifyHello():
                self._classify_hello(peer, message)
            case Answered():
                self._answered(message)
            case _:
                self._refuse(f"unexpected {type(message).__name__}")
        self._assign(now_ns)
        return self._flush()

    def tick(self, now_ns: int) -> list[Effect]:
        """Look at the time: overdue leases, stale offers."""
        for worker in self.workers.values():
            for lease in list(worker.leases.values()):
                overdue = now_ns - lease.granted_ns
                if overdue > self.limits.lease_ns and not lease.reported:
                    lease.reported = worker.suspended = True
                    self._effects.append(Overdue(worker.name))
                elif overdue > 2 * self.limits.lease_ns:
                    self._revoke(worker, lease)
        self._assign(now_ns)
        return self._flush()

    def worker_died(self, worker_name: str, *, by_itself: bool) -> list[Effect]:
        """A worker is gone. ``by_itself`` is False where somebody killed or froze it from outside.

        Its frames wait for the next ``tick``, so that several deaths can be told before anybody gets them.
        """
        self.dead.add(worker_name)
        return self._lose(worker_name, by_itself=by_itself)

    def undelivered(self, peer: bytes) -> list[Effect]:
        """Work could not be handed to this peer: whoever it was is gone, or will say hello again."""
        name = next((worker.name for worker in self.workers.values() if worker.peer == peer), "")
        return self._lose(name, by_itself=False)

    def _lose(self, worker_name: str, *, by_itself: bool) -> list[Effect]:
        worker = self.workers.pop(worker_name, None)
        if worker is not None:
            alone = len(worker.leases) == 1
            for lease in list(worker.leases.values()):
                item = self._revoke(worker, lease)
                if by_itself and item is not None:
                    self._strike(lease, item, certain=alone)
        return self._flush()

    def give_up(self, camera: str, reason: str) -> list[Effect]:
        """A camera will never come back in this run: commit what can be, then end its log."""
        book = self.cameras[camera]
        if not book.ended:
            self._drop_uncommitted(book)
            for item in list(book.pending.values()):
                if item.record is None:  # live, in a worker's hands
                    self._close_lease(item)
                    self._resolve(book, item, Status.CAPTURE_LOST)
            self._advance(book)
            book.pending.clear()
            book.frames_read = book.next_index  # what was read beyond the log died with its process, uncounted
            book.end = EndOfStream(camera, book.incarnation, book.next_index - 1, f"failed: {reason}")
            self._advance(book)
        return self._flush()

    # ---- capture

    def _capture_hello(self, peer: bytes, hello: CaptureHello) -> None:
        book = self.cameras.get(hello.camera)
        if book is None:
            self._send(peer, Refused(f"no camera {hello.camera[:100]!r} in this pipeline"))
            return
        if book.source_sha256 and hello.source_sha256 and book.source_sha256 != hello.source_sha256:
            self._send(peer, Refused(f"camera {hello.camera!r}: the recording is not the one its log was made from"))
            return
        if hello.incarnation != book.incarnation:
            self._drop_uncommitted(book)
            book.held.clear()
            book.incarnation = hello.incarnation
        book.peer = peer
        self._send(peer, self._welcome(book))
        self._advance(book)

    def _welcome(self, book: CameraBook) -> Welcome:
        """Where to go on. A live camera's numbers and times go on after what is on its way; a recording is decoded
        again from its beginning up to the first frame that is not in the log."""
        ahead = [item.frame for item in book.pending.values()] if book.live else []
        return Welcome(
            camera=book.name,
            incarnation=book.incarnation,
            epoch=self.epoch,
            committed=book.next_index,
            next_index=max([book.next_index, *(frame.index + 1 for frame in ahead)]),
            next_session=max([book.next_session, *(frame.session + 1 for frame in ahead)]) if book.live else 0,
            last_media_ns=max([book.last_media_ns, *(frame.media_ns for frame in ahead)]),
            last_digest=book.last_digest,
            ended=book.ended and not book.live,
        )

    def _drop_uncommitted(self, book: CameraBook) -> None:
        """The pixels of a dead capture are gone: a recording is decoded again, a live frame is lost."""
        for index, item in list(book.pending.items()):
            if item.record is not None or (book.live and item.lease is not None):
                item.slot = None
            elif book.live:
                self._resolve(book, item, Status.CAPTURE_LOST)
            else:
                self._close_lease(item)
                self._forget(book, index)
        book.end = None

    def _announced(self, peer: bytes, message: Offer | Skip) -> None:
        frame = message.frame
        book = self.cameras.get(frame.camera)
        if book is None or book.incarnation != message.incarnation:
            self._refuse("from an earlier incarnation of capture")
            return
        book.frames_read = max(book.frames_read, frame.index + 1)
        if frame.index < book.next_index:
            self._free(book, [frame.index])
        elif frame.index in book.pending:
            self._known_already(book, message)
        elif frame.index >= book.next_index + self.limits.window:
            self._refuse("beyond the window")
        elif isinstance(message, Skip):
            book.pending[frame.index] = Pending(frame, None, record=FrameRecord(frame, message.status))
            self._advance(book)
        else:
            book.pending[frame.index] = Pending(frame, message.slot)
            book.waiting[frame.index] = None
            if book.live:
                self._supersede(book)

    def _known_already(self, book: CameraBook, message: Offer | Skip) -> None:
        item = book.pending[message.frame.index]
        if isinstance(message, Offer) and item.slot is None:
            if item.record is None:
                item.slot = message.slot
            else:
                self._free(book, [message.frame.index])

    def _supersede(self, book: CameraBook) -> None:
        newest = max(book.waiting)
        for index in list(book.waiting):
            if index != newest:
                self._resolve(book, book.pending[index], Status.SUPERSEDED)
        self._advance(book)

    def _sync(self, peer: bytes, sync: CaptureSync) -> None:
        book = self.cameras.get(sync.camera)
        if book is None or book.incarnation != sync.incarnation:
            return  # it will say hello: the epoch in our silence is unknown to it
        book.peer = peer
        book.frames_read = max(book.frames_read, sync.frames_read)
        missing = [i for i in sync.announced if i >= book.next_index and i not in book.pending]
        free = [i for i in sync.held if i < book.next_index and i not in book.held]
        self._send(peer, Synced(book.name, book.incarnation, self.epoch, book.next_index, missing, free, book.ended))

    def _end_of_stream(self, message: EndOfStream) -> None:
        book = self.cameras.get(message.camera)
        if book is not None and book.incarnation == message.incarnation and not book.ended:
            last = max([message.last_index, *book.pending])
            book.end = msgspec.structs.replace(message, last_index=last)
            self._advance(book)

    def _stream_state(self, message: StreamState) -> None:
        book = self.cameras.get(message.camera)
        if book is None or book.incarnation != message.incarnation:
            return
        book.online = message.online
        record = StreamRecord(message.online, message.media_ns, message.wall_ns, message.reason)
        book.marks.append((max(book.pending, default=book.next_index - 1) + 1, record))
        self._advance(book)

    # ---- workers

    def _worker_hello(self, peer: bytes, hello: WorkerHello, now_ns: int) -> None:
        if hello.worker in self.dead:
            return
        engine = EngineRecord(hello.engine, hello.model, hello.names)
        pinned = self._pinned_engine()
        if pinned and engine.engine != pinned:
            self._send(
                peer,
                Refused(f"engine {hello.engine[:200]!r} differs from this run's {pinned!r}: results would not agree"),
            )
            return
        self.engine = self.engine or engine
        worker = self.workers.get(hello.worker)
        if worker is None:
            worker = self.workers[hello.worker] = Worker(hello.worker, peer, hello.capacity)
            for book in self.cameras.values():
                self._advance(book)
        worker.peer = peer
        known = set(hello.leases)
        for lease in list(worker.leases.values()):
            if lease.name not in known and now_ns - lease.granted_ns > self.limits.lost_ns:
                self._revoke(worker, lease)
        worker.suspended = worker.suspended and bool(worker.leases)

    def _pinned_engine(self) -> str:
        """The engine that this run's results come from: the first worker's, or that of a recording's log."""
        if self.engine is not None:
            return self.engine.engine
        return next((book.engine.engine for book in self.cameras.values() if book.engine and not book.live), "")

    def _result(self, result: Result) -> None:
        taken = self._take(result.worker, result.lease)
        if taken is None:
            return
        worker, book, item = taken
        worker.accepted += 1
        item.record = FrameRecord(item.frame, Status.ANALYSED, result.detections)
        self._advance(book)

    def _failed(self, failed: Failed) -> None:
        worker = self.workers.get(failed.worker)
        lease = worker.leases.get(failed.lease) if worker else None
        if worker is None or lease is None:
            self._refuse("late result")
            return
        item = self._revoke(worker, lease)
        if item is not None and failed.stale:
            self._forget(self.cameras[lease.camera], lease.index)
        elif item is not None:
            self._strike(lease, item, certain=True)

    def _forget(self, book: CameraBook, index: int) -> None:
        """Drop a recording's frame whose pixels are gone; the next sync asks for it again."""
        book.waiting.pop(index, None)
        del book.pending[index]

    def _take(self, worker_name: str, lease_name: str) -> tuple[Worker, CameraBook, Pending] | None:
        """The open lease of this name, closed; None (and counted) when it is not open."""
        worker = self.workers.get(worker_name)
        lease = worker.leases.pop(lease_name, None) if worker else None
        if worker is None or lease is None:
            self._refuse("late result")
            return None
        worker.suspended = worker.suspended and bool(worker.leases)
        worker.alone = False
        book = self.cameras[lease.camera]
        item = book.pending[lease.index]
        item.lease = None
        return worker, book, item

    def _revoke(self, worker: Worker, lease: Lease) -> Pending | None:
        """Take a frame back: a recording's is analysed again, a live one is lost. Returns it if it still waits."""
        worker.leases.pop(lease.name, None)
        worker.alone = False
        book = self.cameras[lease.camera]
        item = book.pending.get(lease.index)
        if item is None or item.lease != lease.name:
            return None
        item.lease = None
        if book.live:
            self._resolve(book, item, Status.WORKER_LOST)
            self._advance(book)
            return None
        if item.slot is None:
            del book.pending[lease.index]
            return None
        book.waiting = dict.fromkeys(sorted([*book.waiting, lease.index]))
        return item

    def _close_lease(self, item: Pending) -> None:
        for worker in self.workers.values():
            if item.lease is not None and worker.leases.pop(item.lease, None) is not None:
                worker.alone = False

    def _strike(self, lease: Lease, item: Pending, *, certain: bool) -> None:
        item.suspect = True
        item.strikes += certain
        if item.strikes >= STRIKES:
            book = self.cameras[lease.camera]
            self._resolve(book, item, Status.POISON)
            self._advance(book)

    # ---- leases

    def _assign(self, now_ns: int) -> None:
        """Give work to whoever has room: the camera with the oldest offer first."""
        while True:
            self._drop_stale(now_ns)
            waiting = [book for book in self.cameras.values() if book.waiting]
            if not waiting or not self.workers:
                return
            book = min(waiting, key=_oldest)
            worker = self._free_worker(book)
            if worker is None:
                return
            self._grant(worker, book, next(iter(book.waiting)), now_ns)

    def _drop_stale(self, now_ns: int) -> None:
        for book in self.cameras.values():
            if not book.live or not book.waiting:
                continue
            for index in list(book.waiting):
                item = book.pending[index]
                if now_ns - item.frame.arrived_ns > self.limits.staleness_ns:
                    self._resolve(book, item, Status.STALE)
            self._advance(book)

    def _free_worker(self, book: CameraBook) -> Worker | None:
        """The least busy worker with room. A recording keeps one frame queued at each, so that none waits."""
        suspect = book.pending[next(iter(book.waiting))].suspect
        able = [
            w
            for w in self.workers.values()
            if not w.suspended and not w.alone and len(w.leases) < (1 if suspect else w.capacity + (not book.live))
        ]
        return min(able, key=lambda w: (len(w.leases), w.accepted, w.name), default=None)

    def _grant(self, worker: Worker, book: CameraBook, index: int, now_ns: int) -> None:
        item = book.pending[index]
        assert item.slot is not None  # an offered frame has its slot until it is committed
        del book.waiting[index]
        self._leases += 1
        lease = Lease(f"{self.epoch}/{self._leases}", book.name, index, now_ns)
        worker.leases[lease.name] = lease
        worker.alone = item.suspect
        item.lease = lease.name
        self._send(worker.peer, Work(lease.name, item.frame, item.slot))

    # ---- the log

    def _resolve(self, book: CameraBook, item: Pending, status: Status) -> None:
        """Settle what became of a frame without a result; its slot is free. The caller advances the log."""
        book.waiting.pop(item.frame.index, None)
        self._free(book, [item.frame.index])
        item.lease = item.slot = None
        item.record = FrameRecord(item.frame, status)

    def _advance(self, book: CameraBook) -> None:
        """Append everything that is settled and in order."""
        released: list[int] = []
        before = book.next_index
        while not book.ended:
            while book.marks and book.marks[0][0] <= book.next_index:
                mark = book.marks.pop(0)[1]
                self._append(book, mark)
                book.last_media_ns = max(book.last_media_ns, mark.media_ns)
            item = book.pending.get(book.next_index)
            if item is None or item.record is None or not self._engine_known(book):
                break
            self._commit(book, item, item.record, released)
        if book.end is not None and not book.ended and book.next_index > book.end.last_index:
            self._append(book, EndRecord(book.next_index - 1, book.end.reason))
            book.ended, book.end_reason, book.end = True, book.end.reason, None
        if released or book.next_index // TELLING > before // TELLING:
            self._free(book, released)

    def _engine_known(self, book: CameraBook) -> bool:
        """The engine's record comes before the first frame of a recording, so that its log does not depend on luck."""
        if self.engine is not None and (book.engine is None or (book.live and book.engine != self.engine)):
            self._append(book, self.engine)
            book.engine = self.engine
        return book.engine is not None or book.live

    def _commit(self, book: CameraBook, item: Pending, record: FrameRecord, released: list[int]) -> None:
        frame = item.frame
        self._append(book, record)
        del book.pending[frame.index]
        book.next_index = frame.index + 1
        book.next_session = frame.session + 1
        book.last_media_ns, book.last_digest = frame.media_ns, frame.digest
        book.counts[record.status] = book.counts.get(record.status, 0) + 1
        if item.slot is not None:
            self._hold(book, frame.index, item.slot, released)

    def _hold(self, book: CameraBook, index: int, slot: Slot, released: list[int]) -> None:
        """Keep a committed slot until the reader has passed it. A recording waits for its reader; a live camera goes
        on, so the oldest go."""
        if self.reader is None or index <= book.passed:
            released.append(index)
            return
        book.held[index] = slot
        while book.live and len(book.held) > self.limits.hold:
            released.append(_drop_first(book.held))

    def _append(self, book: CameraBook, record: Record) -> None:
        self._effects.append(Append(book.name, record))

    def _free(self, book: CameraBook, indexes: list[int]) -> None:
        if book.peer is not None:
            self._send(book.peer, Release(book.name, book.incarnation, indexes, book.next_index))

    # ---- evidence

    def _passed(self, message: Passed) -> None:
        book = self.cameras.get(message.camera)
        if book is None:
            return
        book.passed = max(book.passed, message.index)
        self._let_go(book)

    def _let_go(self, book: CameraBook) -> None:
        """Release every held slot that nobody wants any more."""
        done = [i for i in book.held if i <= book.passed and not book.wanted.get(i) and not book.crops.get(i)]
        for index in done:
            del book.held[index]
        if done:
            self._free(book, done)

    def _keep(self, message: Keep) -> None:
        book = self.cameras.get(message.camera)
        if book is not None:
            book.wanted.setdefault(message.index, set()).add(message.message_id)
            self._cut(book, message.index, message.message_id)
            wanted = [index for index in book.held if index in book.wanted and index not in book.crops]
            if len(wanted) > self.limits.hold:
                del book.held[wanted[0]]
                self._free(book, [wanted[0]])

    def _candidates(self, message: Candidates) -> None:
        """Have those cut that are still there. What is not any more is not worth a word: others will do."""
        book = self.cameras.get(message.camera)
        if book is None or self.evidence is None:
            return
        cutting = {index for index, messages in book.wanted.items() if CANDIDATE in messages}
        for index in [i for i in cutting if i not in message.indexes or i not in book.held]:
            self._unwant(book, index, CANDIDATE)
            cutting.remove(index)
        for index in message.indexes:
            if index in book.held and (index in cutting or len(cutting) < CUTTING):
                cutting.add(index)
                book.wanted.setdefault(index, set()).add(CANDIDATE)
                self._cut(book, index, CANDIDATE)
        self._send(self.evidence, message)

    def _cut(self, book: CameraBook, index: int, message_id: str) -> None:
        if self.evidence is not None:
            self._send(self.evidence, Cut(book.name, index, message_id, book.held.get(index)))

    def _evidence_hello(self, peer: bytes) -> None:
        new = peer != self.evidence
        self.evidence = peer
        if new:
            for book in self.cameras.values():
                for index, messages in book.wanted.items():
                    for message_id in sorted(messages):
                        self._cut(book, index, message_id)

    def _cut_done(self, message: CutDone) -> None:
        book = self.cameras.get(message.camera)
        if book is None:
            return
        self._unwant(book, message.index, message.message_id)

    def _unwant(self, book: CameraBook, index: int, message_id: str) -> None:
        wanted = book.wanted.get(index, set())
        wanted.discard(message_id)
        if not wanted:
            book.wanted.pop(index, None)
            self._let_go(book)

    # ---- crops

    def _wishes(self, message: Wishes) -> None:
        """Hand on what is wanted, also what was handed on before: whoever has answered it says so again."""
        book = self.cameras.get(message.camera)
        if book is None:
            return
        if message.complete:
            book.crops.clear()
        for wish in message.wishes:
            if self._classifier_of(wish) is None:
                self._refuse("wish for an unknown classifier")
                continue
            book.crops.setdefault(wish.index, {})[wish.key] = wish
            self._crop(book, wish)
        self._let_go(book)

    def _classifier_of(self, wish: Wish) -> str | None:
        processes = self.classify.get(wish.classifier)
        return f"{wish.classifier}/{wish.track_id % processes}" if processes else None

    def _crop(self, book: CameraBook, wish: Wish) -> None:
        peer = self.classifiers.get(self._classifier_of(wish) or "")
        if peer is not None:
            self._send(peer, Crop(wish, book.held.get(wish.index)))

    def _classify_hello(self, peer: bytes, hello: ClassifyHello) -> None:
        new = self.classifiers.get(hello.worker) != peer
        self.classifiers[hello.worker] = peer
        if new:
            for book in self.cameras.values():
                for wishes in book.crops.values():
                    for wish in wishes.values():
                        if self._classifier_of(wish) == hello.worker:
                            self._crop(book, wish)

    def _answered(self, message: Answered) -> None:
        book = self.cameras.get(message.camera)
        if book is None:
            return
        wishes = book.crops.get(message.index, {})
        wishes.pop((message.index, message.track_id, message.classifier), None)
        if not wishes:
            book.crops.pop(message.index, None)
            self._let_go(book)
        if self.reader is not None:
            self._send(self.reader, Wake(book.name, 0))

    # ---- books

    def wake(self, lengths: Mapping[str, int]) -> list[Effect]:
        """Tell the reader how far the logs of these cameras reach."""
        if self.reader is not None:
            for camera, length in lengths.items():
                self._send(self.reader, Wake(camera, length))
        return self._flush()

    def complete(self) -> bool:
        """Every camera's log has its end."""
        return all(book.ended for book in self.cameras.values())

    def _send(self, peer: bytes, message: Wire) -> None:
        self._effects.append(Send(peer, message))

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def _flush(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects


def _drop_first(held: dict[int, Slot]) -> int:
    """Take the oldest slot out; gives its frame's index."""
    oldest = next(iter(held))
    del held[oldest]
    return oldest


def _oldest(book: CameraBook) -> tuple[int, int]:
    """Order of service: the arrival of the camera's first waiting frame."""
    index = next(iter(book.waiting))
    return book.pending[index].frame.arrived_ns, index
