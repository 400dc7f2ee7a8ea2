"""A detect worker: takes frames under lease, reads their pixels in place, answers with boxes.

It never releases a slot. What it read is checked again after use; pixels that were overwritten meanwhile are
reported as stale instead of analysed.
"""

import logging

from pipeline.configuration.config import PipelineConfig
from pipeline.detections import Detections
from pipeline.errors import CannotStart, RingError
from pipeline.messages import Failed, Refused, Result, Wire, Work, WorkerHello
from pipeline.rings import RingReader
from pipeline.spec import RunSpec
from pipeline.stage import Detector, View
from pipeline.wire.keys import Role
from pipeline.wire.links import open_dealer
from pipeline.wire.transport import Dealer, Waiter
from pipeline.worker import Child, Every

logger = logging.getLogger(__name__)

HELLO_S = 0.25


def run(child: Child, spec: RunSpec) -> None:
    """Run until drained."""
    from pipeline.build import build_detector

    config = PipelineConfig.from_spec(spec.config)
    detector = build_detector(config)
    with open_dealer(config.links, spec.endpoint, Role.WORKER) as link:
        DetectLoop(child, link, detector).run()


class DetectLoop:
    """One worker's loop: at most ``capacity`` frames at a time, and one more queued here."""

    def __init__(self, child: Child, link: Dealer, detector: Detector) -> None:
        self._child = child
        self._link = link
        self._detector = detector
        self._rings = RingReader()
        self._waiter = Waiter(link, child)
        self._queue: list[Work] = []
        self._patience_ns: int = getattr(detector, "batch_wait_ns", 0)
        """How long the first frame of a batch may wait for the others."""
        self._first_ns = 0
        self._hello_due = Every(HELLO_S, child.clock)

    def run(self) -> None:
        """Until drained."""
        self._child.started()
        try:
            while not (self._child.draining and not self._queue):
                self._child.answer()
                self._listen()
                if self._hello_due.due():
                    self._say_hello()
                if (missing_ns := self._missing_ns()) > 0:
                    self._waiter.wait(min(HELLO_S, missing_ns / 1e9))
                else:
                    self._work()
        finally:
            self._rings.close()

    def _missing_ns(self) -> int:
        """How much longer to wait before the next batch is computed; 0 or less: now."""
        if not self._queue:
            return int(HELLO_S * 1e9)
        if len(self._batch()) >= self._detector.capacity or self._child.draining:
            return 0
        return self._first_ns + self._patience_ns - self._child.clock.monotonic_ns()

    def _batch(self) -> list[Work]:
        """The frames to compute together: the oldest and those of its size."""
        shape = self._queue[0].slot.shape
        return [work for work in self._queue if work.slot.shape == shape][: max(1, self._detector.capacity)]

    def _listen(self) -> None:
        for message in self._link.receive(64):
            self._take(message)

    def _take(self, message: Wire) -> None:
        match message:
            case Work():
                if not self._queue:
                    self._first_ns = self._child.clock.monotonic_ns()
                self._queue.append(message)
            case Refused(reason):
                raise CannotStart(reason)
            case _:
                logger.warning("detect does not expect %s", type(message).__name__)

    def _say_hello(self) -> None:
        detector = self._detector
        leases = [work.lease for work in self._queue]
        name = self._child.incarnation
        self._link.send(
            WorkerHello(name, "detect", detector.engine, detector.capacity, detector.model, detector.names, leases)
        )

    def _work(self) -> None:
        batch = self._batch()
        views, works = self._views(batch)
        if works:
            began = self._child.clock.monotonic_ns()
            try:
                found = self._detector.process(views)
                if len(found) != len(views):
                    kind = type(self._detector).__name__
                    raise ValueError(f"{kind}.process gave {len(found)} answers for {len(views)} frames")
            except Exception as error:  # one frame's trouble must not take the worker along
                logger.exception("frame %s/%s could not be analysed", works[0].frame.camera, works[0].frame.index)
                for work in works:
                    self._link.send(Failed(self._child.incarnation, work.lease, str(error)[:300]))
            else:
                share = (self._child.clock.monotonic_ns() - began) // len(works)
                for work, detections in zip(works, found, strict=True):
                    self._answer(work, detections, share)
        self._queue = [work for work in self._queue if work not in batch]
        self._first_ns = self._child.clock.monotonic_ns()

    def _views(self, batch: list[Work]) -> tuple[list[View], list[Work]]:
        views: list[View] = []
        works: list[Work] = []
        for work in batch:
            try:
                pixels, aux = self._rings.view(work.slot)
            except RingError as error:
                self._fail_stale(work, error)
                continue
            views.append(View(work.frame, pixels, aux))
            works.append(work)
        return views, works

    def _answer(self, work: Work, detections: Detections, engine_ns: int) -> None:
        try:
            self._rings.check(work.slot)
        except RingError as error:
            self._fail_stale(work, error)
            return
        self._link.send(Result(self._child.incarnation, work.lease, detections.pack(), engine_ns))

    def _fail_stale(self, work: Work, error: RingError) -> None:
        self._link.send(Failed(self._child.incarnation, work.lease, str(error)[:300], stale=True))
