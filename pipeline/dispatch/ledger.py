"""The order in which frames enter the logs."""

from pipeline.dispatch.camera_book import CameraBook, Pending
from pipeline.dispatch.effects import Effects
from pipeline.dispatch.engine_pin import EnginePin
from pipeline.dispatch.held_slots import HeldSlots
from pipeline.messages import EndRecord, FrameRecord, Status

TELLING = 16
"""Capture is told of the commit point at least this often; usually it comes with the slots that are free."""


class Ledger:
    """Settles what became of each frame, and appends what is settled in order: the append is the commit."""

    def __init__(self, effects: Effects, slots: HeldSlots, engine: EnginePin) -> None:
        self._effects = effects
        self._slots = slots
        self._engine = engine

    def resolve(self, book: CameraBook, item: Pending, status: Status) -> None:
        """Settle what became of a frame without a result; its slot is free. The caller advances the log."""
        book.waiting.pop(item.frame.index, None)
        self._slots.free(book, [item.frame.index])
        item.lease = item.slot = None
        item.record = FrameRecord(item.frame, status)

    def advance(self, book: CameraBook) -> None:
        """Append everything that is settled and in order."""
        released: list[int] = []
        before = book.next_index
        while not book.ended:
            self._append_marks(book)
            item = book.pending.get(book.next_index)
            if item is None or item.record is None or not self._engine.is_written(book):
                break
            self._commit(book, item, item.record, released)
        if book.end is not None and not book.ended and book.next_index > book.end.last_index:
            self._effects.append(book.name, EndRecord(book.next_index - 1, book.end.reason))
            book.ended, book.end_reason, book.end = True, book.end.reason, None
        if released or book.next_index // TELLING > before // TELLING:
            self._slots.free(book, released)

    def _append_marks(self, book: CameraBook) -> None:
        while book.marks and book.marks[0][0] <= book.next_index:
            mark = book.marks.pop(0)[1]
            self._effects.append(book.name, mark)
            book.last_media_ns = max(book.last_media_ns, mark.media_ns)

    def _commit(self, book: CameraBook, item: Pending, record: FrameRecord, released: list[int]) -> None:
        frame = item.frame
        self._effects.append(book.name, record)
        del book.pending[frame.index]
        book.next_index = frame.index + 1
        book.next_session = frame.session + 1
        book.last_media_ns, book.last_digest = frame.media_ns, frame.digest
        book.counts[record.status] = book.counts.get(record.status, 0) + 1
        if item.slot is not None:
            self._slots.hold(book, frame.index, item.slot, released)
