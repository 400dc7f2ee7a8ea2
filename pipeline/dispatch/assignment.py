"""Who gets which frame next."""

from collections.abc import Mapping

from pipeline.dispatch.camera_book import CameraBook, Pending
from pipeline.dispatch.leases import Leases
from pipeline.dispatch.ledger import Ledger
from pipeline.dispatch.worker import Worker
from pipeline.messages import Status


class Assignment:
    """Gives work to whoever has room: the camera with the oldest offer first, and the least busy worker."""

    def __init__(
        self,
        staleness_ns: int,
        cameras: Mapping[str, CameraBook],
        workers: Mapping[str, Worker],
        leases: Leases,
        ledger: Ledger,
    ) -> None:
        self._staleness_ns = staleness_ns
        self._cameras = cameras
        self._workers = workers
        self._leases = leases
        self._ledger = ledger

    def assign(self, now_ns: int) -> None:
        """Give out all that can be."""
        while True:
            self._drop_stale(now_ns)
            waiting = [book for book in self._cameras.values() if book.waiting]
            if not waiting or not self._workers:
                return
            book = min(waiting, key=_oldest)
            item = book.first_waiting()
            worker = self._free_worker(item, live=book.live)
            if worker is None:
                return
            assert item.slot is not None  # an offered frame has its slot until it is committed
            self._leases.grant(worker, book, item, item.slot, now_ns)

    def _drop_stale(self, now_ns: int) -> None:
        for book in self._cameras.values():
            if not book.live or not book.waiting:
                continue
            for index in list(book.waiting):
                item = book.pending[index]
                if now_ns - item.frame.arrived_ns > self._staleness_ns:
                    self._ledger.resolve(book, item, Status.STALE)
            self._ledger.advance(book)

    def _free_worker(self, item: Pending, *, live: bool) -> Worker | None:
        """The least busy worker with room. A recording keeps one frame queued at each, so that none waits."""
        able = [
            w
            for w in self._workers.values()
            if not w.suspended and not w.alone and len(w.leases) < (1 if item.suspect else w.capacity + (not live))
        ]
        return min(able, key=lambda w: (len(w.leases), w.accepted, w.name), default=None)


def _oldest(book: CameraBook) -> tuple[int, int]:
    """Order of service: the arrival of the camera's first waiting frame."""
    frame = book.first_waiting().frame
    return frame.arrived_ns, frame.index
