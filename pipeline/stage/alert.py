"""Tracks, rules and events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pipeline.messages import Answer, AnswersHeader, Event, Missed, Record, Wish
from pipeline.stage.tracker import TrackedFrame


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch of log records led to."""

    events: list[Event]
    tracked: list[TrackedFrame]
    wishes: list[Wish] = field(default_factory=list)
    """Crops that classifiers should look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """When a classifier is asked, and about what. Times are nanoseconds of media time."""

    name: str
    cameras: tuple[str, ...]
    classes: tuple[str, ...]
    """Names of the classes it looks at; empty: all."""
    delay_ns: int
    """From a frame until its answer counts."""
    every_ns: int
    """Between two crops of a track whose answers do not agree yet."""
    settled_ns: int
    """The same once they agree."""
    min_px: int
    """Least width and height of a crop."""


Fact = AnswersHeader | Answer | Missed
"""What the alert stage learns from beside the log: that a classifier takes part, its answers, and what it missed."""


class Alert(Protocol):
    """Tracks, rules and events as a pure function of (state, records), in media time."""

    def process(self, camera: str, records: Sequence[Record]) -> Outcome:
        """Feed the next records of one camera's log."""
        ...

    def wishes(self, camera: str) -> Sequence[Wish]:
        """Those without an answer. One that is due by the next frame's media time must be learned before that frame."""
        ...

    def learn(self, camera: str, facts: Sequence[Fact]) -> None:
        """Take in answers, or that there will be none. Raises ``UsageError`` for a rule that no answer can fulfil."""
        ...

    def classified(self, camera: str) -> dict[str, dict[str, int]]:
        """What came of the wishes so far, by classifier: ``wished``, ``answered``, and what was missed by reason."""
        ...

    def candidates(self, camera: str) -> Sequence[int]:
        """Frames of a live camera whose picture may become the best one of an event, all of them, by index."""
        ...

    def state(self, camera: str) -> bytes:
        """All that is remembered of a camera; equal histories give equal bytes."""
        ...

    def restore(self, camera: str, state: bytes) -> None:
        """Go on from what ``state`` gave."""
        ...


@runtime_checkable
class Dozing(Protocol):
    """An alert stage that can tell when nothing is under way; it may leave that to others."""

    def is_idle(self, camera: str) -> bool:
        """Whether frames without tracks could be left out from here on, and nothing that is told later would change."""
        ...
