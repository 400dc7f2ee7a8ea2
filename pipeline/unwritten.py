"""Pictures that could not be written, and notes: on a full disk nothing is lost but time.

What was made is held, a little of it; of the rest a recording is decoded again, and for a live camera a note says why
there is no picture, as soon as there is room for it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.best_picture import Made
from pipeline.messages import Event
from pipeline.picture_files import PictureFiles

logger = logging.getLogger(__name__)

MOST = 32
"""Pictures that are held in memory."""
FAILURES = 4
"""After so many in a row the rest is not tried this time."""


@dataclass(slots=True)
class _Held:
    event: Event
    made: Made | None
    reason: str
    """Why there is no picture; empty: there was one."""

    @property
    def must_be_made(self) -> bool:
        """Whether there is nothing to write before it was made once more."""
        return self.made is None and not self.reason


class Unwritten:
    """Writes the pictures of events, and what could not be written later."""

    def __init__(self, files: PictureFiles, is_live: Callable[[str], bool], again: Callable[[Event], None]) -> None:
        """``is_live``: of a camera. ``again``: has the picture of a recording's event made once more."""
        self._files = files
        self._is_live = is_live
        self._again = again
        self._held: dict[str, _Held] = {}
        self._is_stuck = False

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, event: Event) -> bool:
        return event.message_id in self._held

    def write(self, event: Event, made: Made) -> None:
        """Write a picture, now or later."""
        self._settle(_Held(event, made, ""))

    def give_up(self, event: Event, reason: str) -> None:
        """Write the note that there is none, now or later."""
        self._settle(_Held(event, None, reason))

    def try_again(self) -> None:
        """Write what waits, as far as there is room."""
        failed = in_a_row = 0
        for held in sorted(self._held.values(), key=lambda each: each.must_be_made):
            if in_a_row == FAILURES or (failed and held.must_be_made):
                return
            del self._held[held.event.message_id]
            if self._settle(held):
                in_a_row = 0
            else:
                in_a_row, failed = in_a_row + 1, failed + 1
        if self._is_stuck and not self._held:
            self._is_stuck = False
            logger.info("evidence: all pictures that waited are written")

    def _settle(self, held: _Held) -> bool:
        try:
            if held.made is not None:
                self._files.write(held.event, held.made)
            elif held.must_be_made:
                self._again(held.event)
            else:
                self._files.give_up(held.event, held.reason)
        except OSError as error:
            self._hold(held, error)
            return False
        return True

    def _hold(self, held: _Held, error: OSError) -> None:
        if not self._is_stuck:
            self._is_stuck = True
            logger.warning("evidence: pictures wait, they cannot be written: %s", error.strerror)
        if held.made is not None and sum(each.made is not None for each in self._held.values()) >= MOST:
            held.made = None
            if self._is_live(held.event.camera):
                held.reason = f"it could not be written when it was made: {error.strerror}"
        self._held[held.event.message_id] = held
