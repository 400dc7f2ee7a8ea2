"""Best pictures of recordings: when one is over it is decoded once more, up to the last frame that an event names."""

from collections.abc import Callable
from functools import partial

from pipeline.best_picture import BestPicture, Look, Settle
from pipeline.errors import SourceError
from pipeline.messages import Event
from pipeline.replay import Replay
from pipeline.stage import Capture, Picture


class RecordedBest:
    """Events of recordings whose best picture is to be made when all is over."""

    def __init__(self, capture: Callable[[str], Capture], *, look: Look, settle: Settle) -> None:
        """``capture``: opens a camera's recording. ``look``: has a choice judge a frame; whether it was its last one.
        ``settle``: writes what was chosen, or says why there is nothing."""
        self._capture = capture
        self._look = look
        self._settle = settle
        self._events: dict[str, dict[str, Event]] = {}
        """By camera and message."""
        self._choices: dict[int, list[BestPicture]] = {}
        """Those of the camera that is being decoded, by frame."""
        self._replay: Replay | None = None
        self.steps = 0
        """Taken through recordings: progress, though nothing be done."""

    def __len__(self) -> int:
        choices = {id(each) for several in self._choices.values() for each in several}
        return sum(len(events) for events in self._events.values()) + len(choices)

    @property
    def is_decoding(self) -> bool:
        """A recording is under way."""
        return bool(self._choices)

    def add(self, event: Event) -> None:
        """Make the picture of this event, in the end."""
        self._events.setdefault(event.camera, {})[event.message_id] = event

    def begin(self) -> bool:
        """Start on the next recording some of whose events lack their best picture; False if there is none."""
        if not self._events:
            return False
        camera = next(iter(self._events))
        for event in self._events.pop(camera).values():
            choice = BestPicture(event)
            for index in choice.indexes:
                self._choices.setdefault(index, []).append(choice)
        self._replay = Replay(partial(self._capture, camera))
        return True

    def step(self) -> None:
        """Decode a little of the recording, and judge what of it is wanted."""
        assert self._replay is not None  # made with what it is to find
        self.steps += 1
        try:
            found = self._replay.step(self._choices)
        except SourceError as error:
            for choice in {id(each): each for several in self._choices.values() for each in several}.values():
                self._settle(choice, str(error))
            self._choices.clear()
        else:
            if found is not None:
                self._judge(*found)
        if not self._choices:
            self._replay.close()

    def close(self) -> None:
        """Close what is being decoded."""
        if self._replay is not None:
            self._replay.close()

    def _judge(self, index: int, pixels: Picture) -> None:
        for choice in self._choices.pop(index):
            try:
                if self._look(choice, index, pixels):
                    self._settle(choice, "")
            except Exception as error:  # one picture's trouble must not end the others'
                for several in self._choices.values():
                    several[:] = [each for each in several if each is not choice]
                self._settle(choice, f"{type(error).__name__}: {error}")
        self._choices = {each: several for each, several in self._choices.items() if several}
