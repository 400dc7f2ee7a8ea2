"""Snapshots of recordings whose frame had left its slot: it is decoded again, masks applied, which gives the same
picture."""

from collections.abc import Callable
from functools import partial

from pipeline.errors import SourceError
from pipeline.messages import Event
from pipeline.replay import Replay
from pipeline.stage import Capture, Picture


class RecordedSnapshots:
    """Events of recordings whose snapshot came too late for the slot."""

    def __init__(
        self,
        capture: Callable[[str], Capture],
        *,
        is_settled: Callable[[Event], bool],
        draw: Callable[[Event, Picture], None],
        give_up: Callable[[Event, str], None],
    ) -> None:
        """``capture``: opens a camera's recording. ``is_settled``: an event's snapshot was made meanwhile. ``draw``:
        makes it of the pixels of its frame. ``give_up``: says why there is none."""
        self._capture = capture
        self._is_settled = is_settled
        self._draw = draw
        self._give_up = give_up
        self._events: dict[str, dict[str, Event]] = {}
        """By camera and message, in order."""
        self._wanted: dict[int, list[Event]] = {}
        """Those of the camera that is being decoded, by frame."""
        self._replay: Replay | None = None

    def __len__(self) -> int:
        """Those whose recording is not being decoded yet."""
        return sum(len(events) for events in self._events.values())

    def add(self, event: Event) -> None:
        """Make the snapshot of this event, soon."""
        self._events.setdefault(event.camera, {})[event.message_id] = event

    def step(self) -> bool:
        """Decode a little of the recording that holds the next one; False when there is nothing to do."""
        if not self._wanted:
            return self._begin()
        assert self._replay is not None  # made with what it is to find
        try:
            found = self._replay.step(self._wanted)
        except SourceError as error:
            for event in (event for events in self._wanted.values() for event in events):
                self._give_up(event, str(error))
            self._wanted.clear()
        else:
            if found is not None:
                index, pixels = found
                for event in self._wanted.pop(index):
                    self._draw(event, pixels)
        if not self._wanted:
            self._replay.close()
        return True

    def close(self) -> None:
        """Close what is being decoded."""
        if self._replay is not None:
            self._replay.close()

    def _begin(self) -> bool:
        if not self._events:
            return False
        camera = next(iter(self._events))
        for event in self._events.pop(camera).values():
            if not self._is_settled(event):
                self._wanted.setdefault(event.frame - 1, []).append(event)
        self._replay = Replay(partial(self._capture, camera))
        return True
