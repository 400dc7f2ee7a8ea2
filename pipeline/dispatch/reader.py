"""The reader of the logs."""

from pipeline.dispatch.effects import Effects
from pipeline.messages import Wake


class Reader:
    """The alert process, as the dispatcher sees it."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self.peer: bytes | None = None
        """None until it has said hello."""

    def wake(self, camera: str, length: int) -> None:
        """Tell it that a log has grown to this many bytes, or (0) a journal of answers has."""
        if self.peer is not None:
            self._effects.send(self.peer, Wake(camera, length))
