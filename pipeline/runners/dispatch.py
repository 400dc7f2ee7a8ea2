"""The dispatch process: sockets, logs and a clock around the pure ``Dispatcher``."""

import logging
from pathlib import Path

from pipeline.clock import SECOND
from pipeline.configuration.config import PipelineConfig
from pipeline.control import CameraProgress, GiveUp, OverdueWorker, Progress, WorkerDied
from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.dispatcher import Dispatcher
from pipeline.dispatch.effects import Append, Effect, Overdue, Send
from pipeline.dispatch.limits import Limits
from pipeline.errors import CannotStart, LogError
from pipeline.followed import Followed
from pipeline.journal.log import LogReader, LogWriter
from pipeline.messages import SCHEMA, CaptureHello, LogHeader, Refused, Wire, Work
from pipeline.spec import RECORDING, RunSpec
from pipeline.wire.links import open_router
from pipeline.wire.transport import Router, Waiter
from pipeline.worker import Child, Every

logger = logging.getLogger(__name__)

TICK_S = 0.05
WAKE_S = 0.04
"""Recordings: between two words to the reader; meanwhile the slots of what was committed are held."""
PROGRESS_S = 0.5
FOLLOW_S = 1.0
"""Between two looks at what rules follow."""
BATCH = 256


def run(child: Child, spec: RunSpec) -> None:
    """Run until drained."""
    config = PipelineConfig.from_spec(spec.config)
    options = config.dispatch
    limits = Limits(
        window=options.window,
        hold=options.hold,
        lease_ns=int(options.lease_s * SECOND),
        lost_ns=int(options.lost_s * SECOND),
        staleness_ns=int(options.staleness_s * SECOND),
    )
    books = {name: CameraBook(name, config.is_live(name)) for name in spec.cameras}
    classify = {item.name: item.workers for item in config.classify}
    dispatcher = Dispatcher(child.incarnation, books, limits, classify=classify)
    with open_router(config.links, spec.endpoint) as router:
        followed = {
            name: {what: Path(path) for what, path in spec.follows.get(name, {}).items()} for name in spec.cameras
        }
        for name in config.clips:
            if config.is_live(name):
                followed[name][RECORDING] = spec.recording_state(name)
        loop = DispatchLoop(child, spec, router, dispatcher, Followed(followed))
        try:
            loop.run()
        finally:
            loop.close()


class DispatchLoop:
    """The dispatcher's work loop: owns the socket and the logs."""

    def __init__(self, child: Child, spec: RunSpec, router: Router, dispatcher: Dispatcher, followed: Followed) -> None:
        self._child = child
        self._spec = spec
        self._router = router
        self._dispatcher = dispatcher
        self._followed = followed
        self._logs: dict[str, LogWriter] = {}
        self._grown: dict[str, int] = {}
        self._tick_due = Every(TICK_S, child.clock)
        self._wake_due = Every(WAKE_S, child.clock)
        self._progress_due = Every(PROGRESS_S, child.clock)
        self._follow_due = Every(FOLLOW_S, child.clock)
        Path(spec.out, "logs").mkdir(parents=True, exist_ok=True)
        for camera in dispatcher.cameras:
            self._reopen(camera)

    def run(self) -> None:
        """Until drained."""
        self._child.started()
        waiter = Waiter(self._router, self._child)
        while not self._child.draining:
            waiter.wait(TICK_S)
            self._child.answer()
            self._obey()
            for peer, message in self._router.receive(BATCH):
                self._take(peer, message)
            if self._tick_due.due():
                self._apply(self._dispatcher.tick(self._now()))
            if self._follow_due.due():
                for camera in self._followed.cameras:
                    self._follow(camera)
            self._wake_reader()
            if self._progress_due.due():
                self._child.tell(self.progress())
        self._child.tell(self.progress())

    def close(self) -> None:
        """Flush the logs to the disk."""
        for log in self._logs.values():
            log.sync()
            log.close()

    def progress(self) -> Progress:
        """The books, for the supervisor."""
        return Progress(
            {name: self._camera_progress(book) for name, book in self._dispatcher.cameras.items()},
            {**self._dispatcher.refused, **self._router.turned_away},
            {worker.name: worker.accepted for worker in self._dispatcher.workers.values()},
        )

    def _camera_progress(self, book: CameraBook) -> CameraProgress:
        return CameraProgress(
            next_index=book.next_index,
            frames_read=book.frames_read,
            pending=len(book.pending),
            pending_offers=sum(item.record is None for item in book.pending.values()),
            ended=book.ended,
            online=book.online,
            media_ns=book.last_media_ns,
            counts={status.value: count for status, count in book.counts.items()},
            end_reason=book.end_reason,
        )

    def _take(self, peer: bytes, message: Wire) -> None:
        if isinstance(message, CaptureHello) and not self._ready_for(peer, message):
            return
        self._apply(self._dispatcher.receive(peer, message, self._now()))

    def _obey(self) -> None:
        for order in self._child.orders:
            match order:
                case WorkerDied(worker, by_itself):
                    self._apply(self._dispatcher.worker_died(worker, by_itself=by_itself))
                case GiveUp(camera, reason):
                    self._open_log(camera, self._dispatcher.cameras[camera].source_sha256)
                    self._apply(self._dispatcher.give_up(camera, reason))
        if self._child.orders:
            self._child.orders.clear()
            self._apply(self._dispatcher.tick(self._now()))

    def _apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(peer, message):
                    if not self._router.send(peer, message) and isinstance(message, Work):
                        self._apply(self._dispatcher.undelivered(peer))
                case Append(camera, record):
                    self._grown[camera] = self._logs[camera].append(record)
                case Overdue(worker):
                    logger.warning("worker %s has held a frame for too long", worker)
                    self._child.tell(OverdueWorker(worker))

    def _wake_reader(self) -> None:
        """A live camera's reader hears of each frame at once, a recording's now and then: it saves both work."""
        cameras = self._dispatcher.cameras
        if self._grown and (any(cameras[name].live for name in self._grown) or self._wake_due.due()):
            self._apply(self._dispatcher.wake(self._grown))
            self._grown = {}

    # ---- logs

    def _ready_for(self, peer: bytes, hello: CaptureHello) -> bool:
        """The camera's log is open and fits this capture's recording; else the capture is refused."""
        if hello.camera not in self._dispatcher.cameras:
            return True  # the dispatcher refuses it
        try:
            self._open_log(hello.camera, hello.source_sha256)
        except LogError as error:
            logger.error("%s", error)
            self._router.send(peer, Refused(str(error)))
            return False
        return True

    def _reopen(self, camera: str) -> None:
        """A log that exists belongs to an earlier incarnation or run."""
        path = self._spec.log_path(camera)
        reader = LogReader(path)
        try:
            first = reader.read(1)
        finally:
            reader.close()
        if first and isinstance(first[0][0], LogHeader):
            try:
                self._open_log(camera, first[0][0].source_sha256)
            except LogError as error:
                raise CannotStart(str(error)) from error

    def _open_log(self, camera: str, source_sha256: str) -> None:
        if camera in self._logs:
            return
        book = self._dispatcher.cameras[camera]
        header = LogHeader(SCHEMA, camera, book.live, self._spec.analysis_sha256, source_sha256)
        log = LogWriter.open(self._spec.log_path(camera), header)
        if log.truncated_bytes:
            logger.warning("log of camera %s: cut off a torn tail of %d bytes", camera, log.truncated_bytes)
        summary = log.summary
        self._logs[camera] = log
        self._grown[camera] = summary.length
        book.source_sha256 = source_sha256
        book.next_index = book.frames_read = summary.next_index
        book.next_session = summary.next_session
        book.last_media_ns, book.last_digest = summary.last_media_ns, summary.last_digest
        failed = summary.end_reason.startswith("failed")
        book.ended = summary.ended and not book.live and not failed  # what failed once is tried again
        book.end_reason = summary.end_reason if book.ended else ""
        book.engine = summary.engine
        book.counts = dict(summary.counts)
        self._followed.begin(camera, summary.changes)
        self._follow(camera)

    def _follow(self, camera: str) -> None:
        """Write what has changed of that which rules follow: live at any time, else before the first frame."""
        book = self._dispatcher.cameras[camera]
        if not book.ended and (book.live or not book.next_index):
            self._apply([Append(camera, record) for record in self._followed.changes(camera)])

    def _now(self) -> int:
        return self._child.clock.monotonic_ns()
