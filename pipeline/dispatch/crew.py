"""Detect workers come, answer, hang and die."""

from collections.abc import Mapping

from pipeline.dispatch.camera_book import CameraBook, Pending
from pipeline.dispatch.effects import Effects
from pipeline.dispatch.engine_pin import EnginePin
from pipeline.dispatch.leases import Leases
from pipeline.dispatch.ledger import Ledger
from pipeline.dispatch.limits import Limits
from pipeline.dispatch.worker import Lease, Worker
from pipeline.messages import EngineRecord, Failed, FrameRecord, Refused, Result, Status, WorkerHello

STRIKES = 2
"""A frame that by itself crashed this many workers is poison."""


class Crew:
    """All detect workers of a run."""

    def __init__(
        self,
        cameras: Mapping[str, CameraBook],
        workers: dict[str, Worker],
        limits: Limits,
        effects: Effects,
        ledger: Ledger,
        leases: Leases,
        engine: EnginePin,
    ) -> None:
        self._cameras = cameras
        self._workers = workers
        self._limits = limits
        self._effects = effects
        self._ledger = ledger
        self._leases = leases
        self._engine = engine
        self._dead: set[str] = set()
        """Workers that are gone: what they said before may still arrive."""

    def hello(self, peer: bytes, hello: WorkerHello, now_ns: int) -> None:
        """A worker is there and has room, or is refused."""
        if hello.worker in self._dead:
            return
        other = self._engine.take(EngineRecord(hello.engine, hello.model, hello.names))
        if other:
            reason = f"engine {hello.engine[:200]!r} differs from this run's {other!r}: results would not agree"
            self._effects.send(peer, Refused(reason))
            return
        worker = self._workers.get(hello.worker)
        if worker is None:
            worker = self._workers[hello.worker] = Worker(hello.worker, peer, hello.capacity)
            for book in self._cameras.values():
                self._ledger.advance(book)
        worker.peer = peer
        known = set(hello.leases)
        for lease in list(worker.leases.values()):
            if lease.name not in known and now_ns - lease.granted_ns > self._limits.lost_ns:
                self._leases.revoke(worker, lease)
        worker.suspended = worker.suspended and bool(worker.leases)

    def result(self, result: Result) -> None:
        """A frame was analysed."""
        taken = self._leases.take(result.worker, result.lease)
        if taken is None:
            return
        worker, book, item = taken
        worker.accepted += 1
        item.record = FrameRecord(item.frame, Status.ANALYSED, result.detections)
        self._ledger.advance(book)

    def failed(self, failed: Failed) -> None:
        """The work on a frame raised an error, or its pixels were gone."""
        found = self._leases.find(failed.worker, failed.lease)
        if found is None:
            return
        worker, lease = found
        item = self._leases.revoke(worker, lease)
        if item is not None and failed.stale:
            self._cameras[lease.camera].forget(lease.index)
        elif item is not None:
            self._strike(lease, item, certain=True)

    def look_after(self, now_ns: int) -> None:
        """Report leases that are overdue, and take back those that stay so."""
        for worker in self._workers.values():
            for lease in list(worker.leases.values()):
                overdue = now_ns - lease.granted_ns
                if overdue > self._limits.lease_ns and not lease.reported:
                    lease.reported = worker.suspended = True
                    self._effects.report(worker.name)
                elif overdue > 2 * self._limits.lease_ns:
                    self._leases.revoke(worker, lease)

    def died(self, worker_name: str, *, by_itself: bool) -> None:
        """A worker is gone for good."""
        self._dead.add(worker_name)
        self._lose(worker_name, by_itself=by_itself)

    def undelivered(self, peer: bytes) -> None:
        """Whoever this peer was is gone, or will say hello again."""
        name = next((worker.name for worker in self._workers.values() if worker.peer == peer), "")
        self._lose(name, by_itself=False)

    def _lose(self, worker_name: str, *, by_itself: bool) -> None:
        worker = self._workers.pop(worker_name, None)
        if worker is None:
            return
        alone = len(worker.leases) == 1
        for lease in list(worker.leases.values()):
            item = self._leases.revoke(worker, lease)
            if by_itself and item is not None:
                self._strike(lease, item, certain=alone)

    def _strike(self, lease: Lease, item: Pending, *, certain: bool) -> None:
        item.suspect = True
        item.strikes += certain
        if item.strikes >= STRIKES:
            book = self._cameras[lease.camera]
            self._ledger.resolve(book, item, Status.POISON)
            self._ledger.advance(book)
