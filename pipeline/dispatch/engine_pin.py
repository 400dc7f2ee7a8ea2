"""The engine that the results of a run come from."""

from collections.abc import Mapping

from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.effects import Effects
from pipeline.messages import EngineRecord


class EnginePin:
    """The first worker's engine, or that of a recording's log, is everybody's: results of others would not agree."""

    def __init__(self, cameras: Mapping[str, CameraBook], effects: Effects) -> None:
        self._cameras = cameras
        self._effects = effects
        self._engine: EngineRecord | None = None

    def take(self, engine: EngineRecord) -> str:
        """A worker has this engine. Gives the one it should have instead; empty: it is the right one."""
        pinned = self._pinned()
        if pinned and engine.engine != pinned:
            return pinned
        self._engine = self._engine or engine
        return ""

    def _pinned(self) -> str:
        if self._engine is not None:
            return self._engine.engine
        return next((book.engine.engine for book in self._cameras.values() if book.engine and not book.live), "")

    def is_written(self, book: CameraBook) -> bool:
        """The engine's record comes before the first frame of a recording, so that its log does not depend on luck."""
        if self._engine is not None and (book.engine is None or (book.live and book.engine != self._engine)):
            self._effects.append(book.name, self._engine)
            book.engine = self._engine
        return book.engine is not None or book.live
