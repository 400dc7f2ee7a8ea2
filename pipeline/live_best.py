"""Best pictures of live cameras: of the frames that the end of an event names, those that were kept while they were
there."""

from collections.abc import Callable

from pipeline.best_picture import BestPicture, Look, Settle
from pipeline.candidate_pictures import CandidatePictures, Key
from pipeline.messages import Event
from pipeline.stage import Picture

GONE = "none of its best frames was kept while it was there"


class LiveBest:
    """Events that are over and wait for their best picture."""

    def __init__(
        self, kept: CandidatePictures, unpack: Callable[[bytes], Picture], *, look: Look, settle: Settle
    ) -> None:
        """``unpack``: makes pixels of what was kept. ``look`` and ``settle``: as ``RecordedBest``."""
        self._kept = kept
        self._unpack = unpack
        self._look = look
        self._settle = settle
        self._events: dict[str, Event] = {}

    def __len__(self) -> int:
        return len(self._events)

    @property
    def needed(self) -> set[Key]:
        """Frames whose pictures must stay."""
        return {(event.camera, best.frame - 1) for event in self._events.values() for best in event.best}

    def add(self, event: Event) -> None:
        """Make the picture of this event, soon."""
        self._events[event.message_id] = event

    def step(self) -> bool:
        """Make the next one; False if there is none."""
        if not self._events:
            return False
        event = self._events.pop(next(iter(self._events)))
        choice, reason = BestPicture(event), GONE
        try:
            for index in choice.indexes:
                picture = self._kept.get((event.camera, index))
                if picture is not None:
                    self._look(choice, index, self._unpack(picture))
        except Exception as error:  # one picture's trouble must not end the others'
            reason = f"{type(error).__name__}: {error}"
        self._settle(choice, reason)
        return True
