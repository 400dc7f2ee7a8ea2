"""What is said about crops that classifiers look at: a side branch of the reader."""

from typing import TypeAlias

import msgspec

from pipeline.messages.frame import Slot

WishKey: TypeAlias = tuple[int, int, str]
"""Frame index, track id and classifier: names one answer of a camera."""


class Wish(msgspec.Struct, frozen=True, array_like=True):
    """A part of a frame that a classifier should look at, and when its answer applies."""

    camera: str
    index: int
    track_id: int
    """0: the whole picture."""
    classifier: str
    box_px: tuple[float, float, float, float]
    """Left, top, right, bottom in pixels; for the whole picture its size."""
    due_ns: int
    """Media time from which on the answer counts."""
    arrived_ns: int = 0
    """As ``Frame.arrived_ns``."""
    window: list[int] = []
    """Behaviour: frames of the same track that make up the window which ends with this one; empty: no judgement yet."""
    before: int = -1
    """Behaviour: frame of the sample before this one; -1: there is none."""
    before_px: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Its box."""

    @property
    def key(self) -> WishKey:
        """What its answer is filed under."""
        return self.index, self.track_id, self.classifier


class Wishes(msgspec.Struct, frozen=True, tag=True):
    """From the reader: crops that are wanted. ``complete``: these are all, whatever was said before."""

    camera: str
    wishes: list[Wish]
    complete: bool


class ClassifyHello(msgspec.Struct, frozen=True, tag=True):
    """A classify process introduces itself; repeated."""

    worker: str
    """Name of the process: ``classifier/number``."""


class Crop(msgspec.Struct, frozen=True, tag=True):
    """Answer this wish; ``slot`` is None when the slot is gone."""

    wish: Wish
    slot: Slot | None


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The answer is in the journal, or there will be none: the slot may go."""

    camera: str
    index: int
    track_id: int
    classifier: str
