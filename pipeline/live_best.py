"""Best pictures of live cameras: of the frames that the end of an event names, those that were kept while they were
there."""

from pipeline.best_picture import BestPicture, Look, Settle
from pipeline.candidate_pictures import CandidatePictures, Key
from pipeline.messages import Event
from pipeline.stage import Evidence, Picture

GONE = "none of its best frames was kept while it was there"


class LiveBest:
    """Events that are over and wait for their best picture."""

    def __init__(self, kept: CandidatePictures, evidence: Evidence, *, look: Look, settle: Settle) -> None:
        """``look`` and ``settle``: as ``RecordedBest``."""
        self._kept = kept
        self._evidence = evidence
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
            best = self._best_of(choice)
            if best is not None:
                self._look(choice, *best)
        except Exception as error:  # one picture's trouble must not end the others'
            reason = f"{type(error).__name__}: {error}"
        self._settle(choice, reason)
        return True

    def _best_of(self, choice: BestPicture) -> tuple[int, Picture] | None:
        """Of the frames that were kept the best, so that one picture is made and not three."""
        best, most = None, -1.0
        for index in choice.indexes:
            packed = self._kept.get((choice.event.camera, index))
            if packed is None:
                continue
            pixels = self._evidence.unpack(packed)
            worth = choice.worth(index, pixels, self._evidence)
            if worth > most:
                best, most = (index, pixels), worth
        return best
