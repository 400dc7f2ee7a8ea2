"""Which worker has which frame."""

from pipeline.dispatch.camera_book import CameraBook, Pending
from pipeline.dispatch.effects import Effects
from pipeline.dispatch.ledger import Ledger
from pipeline.dispatch.worker import Lease, Worker
from pipeline.messages import Slot, Status, Work


class Leases:
    """Hands frames to workers and takes them back. A frame is in one worker's hands at a time."""

    def __init__(
        self,
        epoch: str,
        cameras: dict[str, CameraBook],
        workers: dict[str, Worker],
        effects: Effects,
        ledger: Ledger,
    ) -> None:
        self._epoch = epoch
        self._cameras = cameras
        self._workers = workers
        self._effects = effects
        self._ledger = ledger
        self._granted = 0

    def grant(self, worker: Worker, book: CameraBook, item: Pending, slot: Slot, now_ns: int) -> None:
        """Give a waiting frame to a worker."""
        index = item.frame.index
        del book.waiting[index]
        self._granted += 1
        lease = Lease(f"{self._epoch}/{self._granted}", book.name, index, now_ns)
        worker.leases[lease.name] = lease
        worker.alone = item.suspect
        item.lease = lease.name
        self._effects.send(worker.peer, Work(lease.name, item.frame, slot))

    def take(self, worker_name: str, lease_name: str) -> tuple[Worker, CameraBook, Pending] | None:
        """The open lease of this name, closed, because its work is done; None (and counted) when it is not open."""
        found = self.find(worker_name, lease_name)
        if found is None:
            return None
        worker, lease = found
        worker.close(lease.name)
        worker.suspended = worker.suspended and bool(worker.leases)
        book = self._cameras[lease.camera]
        item = book.pending[lease.index]
        item.lease = None
        return worker, book, item

    def find(self, worker_name: str, lease_name: str) -> tuple[Worker, Lease] | None:
        """The open lease of this name; None (and counted) when it is not open."""
        worker = self._workers.get(worker_name)
        lease = worker.leases.get(lease_name) if worker else None
        if worker is None or lease is None:
            self._effects.refuse("late result")
            return None
        return worker, lease

    def revoke(self, worker: Worker, lease: Lease) -> Pending | None:
        """Take a frame back: a recording's is analysed again, a live one is lost. Returns it if it still waits."""
        worker.close(lease.name)
        book = self._cameras[lease.camera]
        item = book.pending.get(lease.index)
        if item is None or item.lease != lease.name:
            return None
        item.lease = None
        if book.live:
            self._ledger.resolve(book, item, Status.WORKER_LOST)
            self._ledger.advance(book)
            return None
        if item.slot is None:
            del book.pending[lease.index]
            return None
        book.wait_again(lease.index)
        return item

    def close(self, item: Pending) -> None:
        """Nobody works on this frame any more; whoever does is too late."""
        for worker in self._workers.values():
            if item.lease is not None and item.lease in worker.leases:
                worker.close(item.lease)
