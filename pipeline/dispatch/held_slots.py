"""Slots of committed frames, which somebody may still want to see."""

from collections.abc import Mapping

from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.effects import Effects
from pipeline.dispatch.reader import Reader
from pipeline.messages import CANDIDATE, Passed, Release, Slot


class HeldSlots:
    """Keeps slots until nobody wants them, at most ``most`` of a live camera, and gives them back to capture."""

    def __init__(self, most: int, cameras: Mapping[str, CameraBook], effects: Effects, reader: Reader) -> None:
        self._most = most
        self._cameras = cameras
        self._effects = effects
        self._reader = reader

    def hold(self, book: CameraBook, index: int, slot: Slot, released: list[int]) -> None:
        """Keep a committed slot until the reader has passed it. A recording waits for its reader; a live camera goes
        on, so candidates go, then the oldest. What need not be kept is added to ``released``."""
        if self._reader.peer is None or index <= book.passed:
            released.append(index)
            return
        book.held[index] = slot
        while book.live and len(book.held) > self._most:
            least = self._least(book)
            del book.held[least]
            released.append(least)

    def _least(self, book: CameraBook) -> int:
        """The slot that is missed least: who needs it has others, or it is the oldest."""
        only = (i for i in book.held if book.wanted.get(i) == {CANDIDATE} and not book.crops.get(i))
        return next(only, next(iter(book.held)))

    def passed(self, message: Passed) -> None:
        """The reader has committed everything up to a frame."""
        book = self._cameras.get(message.camera)
        if book is not None:
            book.passed = max(book.passed, message.index)
            self.let_go(book)

    def let_go(self, book: CameraBook) -> None:
        """Release every held slot that nobody wants any more."""
        done = [i for i in book.held if i <= book.passed and not book.wanted.get(i) and not book.crops.get(i)]
        for index in done:
            del book.held[index]
        if done:
            self.free(book, done)

    def bound_wanted(self, book: CameraBook) -> None:
        """Snapshots that are never cut take only so many slots: give up the oldest that no crop needs."""
        wanted = [index for index in book.held if index in book.wanted and index not in book.crops]
        if len(wanted) > self._most:
            del book.held[wanted[0]]
            self.free(book, [wanted[0]])

    def free(self, book: CameraBook, indexes: list[int]) -> None:
        """Tell capture that these slots may be reused, and how far the log reaches."""
        if book.peer is not None:
            self._effects.send(book.peer, Release(book.name, book.incarnation, indexes, book.next_index))
