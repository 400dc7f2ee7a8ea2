"""Frames that capture has read."""

from collections.abc import Mapping

from pipeline.dispatch.camera_book import CameraBook, Pending
from pipeline.dispatch.effects import Effects
from pipeline.dispatch.held_slots import HeldSlots
from pipeline.dispatch.ledger import Ledger
from pipeline.messages import FrameRecord, Offer, Skip, Status


class Announcements:
    """Takes each announced frame into its camera's book once, within the window."""

    def __init__(
        self, window: int, cameras: Mapping[str, CameraBook], effects: Effects, slots: HeldSlots, ledger: Ledger
    ) -> None:
        self._window = window
        self._cameras = cameras
        self._effects = effects
        self._slots = slots
        self._ledger = ledger

    def take(self, message: Offer | Skip) -> None:
        """A frame was read."""
        frame = message.frame
        book = self._cameras.get(frame.camera)
        if book is None or book.incarnation != message.incarnation:
            self._effects.refuse("from an earlier incarnation of capture")
            return
        book.frames_read = max(book.frames_read, frame.index + 1)
        if frame.index < book.next_index:
            self._slots.free(book, [frame.index])
        elif frame.index in book.pending:
            self._known_already(book, message)
        elif frame.index >= book.next_index + self._window:
            self._effects.refuse("beyond the window")
        elif isinstance(message, Skip):
            book.pending[frame.index] = Pending(frame, None, record=FrameRecord(frame, message.status))
            self._ledger.advance(book)
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
                self._slots.free(book, [message.frame.index])

    def _supersede(self, book: CameraBook) -> None:
        newest = max(book.waiting)
        for index in list(book.waiting):
            if index != newest:
                self._ledger.resolve(book, book.pending[index], Status.SUPERSEDED)
        self._ledger.advance(book)
