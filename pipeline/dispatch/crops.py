"""Crops that wait for a classifier."""

from collections.abc import Mapping

from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.effects import Effects
from pipeline.dispatch.held_slots import HeldSlots
from pipeline.dispatch.reader import Reader
from pipeline.messages import Answered, ClassifyHello, Crop, Wish, Wishes


class Crops:
    """Hands wishes on to classify processes, and keeps the slots until they are answered."""

    def __init__(
        self,
        cameras: Mapping[str, CameraBook],
        classify: Mapping[str, int],
        effects: Effects,
        slots: HeldSlots,
        reader: Reader,
    ) -> None:
        self._cameras = cameras
        self._classify = classify
        self._effects = effects
        self._slots = slots
        self._reader = reader
        self._classifiers: dict[str, bytes] = {}
        """Classify processes by name, ``classifier/number``."""

    def wished(self, message: Wishes) -> None:
        """Hand on what is wanted, also what was handed on before: whoever has answered it says so again."""
        book = self._cameras.get(message.camera)
        if book is None:
            return
        if message.complete:
            book.crops.clear()
        for wish in message.wishes:
            if self._classifier_of(wish) is None:
                self._effects.refuse("wish for an unknown classifier")
                continue
            book.crops.setdefault(wish.index, {})[wish.key] = wish
            self._crop(book, wish)
        self._slots.let_go(book)

    def _classifier_of(self, wish: Wish) -> str | None:
        processes = self._classify.get(wish.classifier)
        return f"{wish.classifier}/{wish.track_id % processes}" if processes else None

    def _crop(self, book: CameraBook, wish: Wish) -> None:
        peer = self._classifiers.get(self._classifier_of(wish) or "")
        if peer is not None:
            self._effects.send(peer, Crop(wish, book.held.get(wish.index)))

    def hello(self, peer: bytes, hello: ClassifyHello) -> None:
        """A classify process is there; a new one hears of everything that it is to answer."""
        new = self._classifiers.get(hello.worker) != peer
        self._classifiers[hello.worker] = peer
        if new:
            for book in self._cameras.values():
                for wishes in book.crops.values():
                    for wish in wishes.values():
                        if self._classifier_of(wish) == hello.worker:
                            self._crop(book, wish)

    def answered(self, message: Answered) -> None:
        """An answer is in the journal, or there will be none: the reader should look."""
        book = self._cameras.get(message.camera)
        if book is None:
            return
        wishes = book.crops.get(message.index, {})
        wishes.pop((message.index, message.track_id, message.classifier), None)
        if not wishes:
            book.crops.pop(message.index, None)
            self._slots.let_go(book)
        self._reader.wake(book.name, 0)
