"""Pictures that are wanted of frames in the log."""

from collections.abc import Mapping

from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.effects import Effects
from pipeline.dispatch.held_slots import HeldSlots
from pipeline.messages import CANDIDATE, Candidates, Cut, CutDone, Keep

CUTTING = 3
"""Candidates of a camera that are being cut, at most: evidence that falls behind gets fewer, and analysis its slots."""


class Snapshots:
    """Has the evidence process cut what the reader wants, and keeps the slots until it has."""

    def __init__(self, cameras: Mapping[str, CameraBook], effects: Effects, slots: HeldSlots) -> None:
        self._cameras = cameras
        self._effects = effects
        self._slots = slots
        self._evidence: bytes | None = None

    def keep(self, message: Keep) -> None:
        """The reader wants the picture of a frame."""
        book = self._cameras.get(message.camera)
        if book is not None:
            book.wanted.setdefault(message.index, set()).add(message.message_id)
            self._cut(book, message.index, message.message_id)
            self._slots.bound_wanted(book)

    def candidates(self, message: Candidates) -> None:
        """Have those cut that are still there. What is not any more is not worth a word: others will do."""
        book = self._cameras.get(message.camera)
        if book is None or self._evidence is None:
            return
        cutting = {index for index, messages in book.wanted.items() if CANDIDATE in messages}
        for index in [i for i in cutting if i not in message.indexes or i not in book.held]:
            self._unwant(book, index, CANDIDATE)
            cutting.remove(index)
        for index in message.indexes:
            if index in book.held and index not in cutting and len(cutting) < CUTTING:
                cutting.add(index)
                book.wanted.setdefault(index, set()).add(CANDIDATE)
                self._cut(book, index, CANDIDATE)
        self._effects.send(self._evidence, message)

    def _cut(self, book: CameraBook, index: int, message_id: str) -> None:
        if self._evidence is not None:
            self._effects.send(self._evidence, Cut(book.name, index, message_id, book.held.get(index)))

    def hello(self, peer: bytes) -> None:
        """The evidence process is there; a new one hears of everything that is wanted."""
        new = peer != self._evidence
        self._evidence = peer
        if new:
            for book in self._cameras.values():
                for index, messages in book.wanted.items():
                    for message_id in sorted(messages):
                        self._cut(book, index, message_id)

    def done(self, message: CutDone) -> None:
        """A picture is written, or cannot be."""
        book = self._cameras.get(message.camera)
        if book is not None:
            self._unwant(book, message.index, message.message_id)

    def _unwant(self, book: CameraBook, index: int, message_id: str) -> None:
        wanted = book.wanted.get(index, set())
        wanted.discard(message_id)
        if not wanted:
            book.wanted.pop(index, None)
            self._slots.let_go(book)
