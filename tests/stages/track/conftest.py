"""A camera that sees boxes walk, and a helper that runs a tracker over it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.detections import Detections, Tracks
from pipeline.messages import Frame, Status
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Step:
    """One frame of a scene: boxes as (left, top, right, bottom, confidence, class)."""

    seconds: float
    boxes: list[tuple[float, float, float, float, float, int]]
    status: Status = Status.ANALYSED


Play = Callable[..., list[Tracks]]


def header(index: int, seconds: float) -> Frame:
    return Frame(camera="c", session=0, index=index, media_ns=round(seconds * SECOND), width=640, height=480)


def detections(boxes: list[tuple[float, float, float, float, float, int]]) -> Detections:
    table = np.array(boxes, np.float32).reshape(-1, 6)
    return Detections(table[:, :4].copy(), table[:, 4].copy(), table[:, 5].astype(np.int32))


@pytest.fixture
def tracker() -> ByteTracker:
    return ByteTracker(TrackOptions())


@pytest.fixture
def play() -> Play:
    """Runs steps through a tracker; the tracks after each."""

    def run(tracker: ByteTracker, steps: Iterable[Step], *, start: int = 0) -> list[Tracks]:
        return [
            tracker.update(header(index, step.seconds), step.status, detections(step.boxes))
            for index, step in enumerate(steps, start)
        ]

    return run


def person(x: float, y: float = 200, *, width: float = 40, height: float = 100) -> tuple[float, float, float, float]:
    """A standing box by its left and top edge."""
    return x, y, x + width, y + height


@pytest.fixture
def step() -> type[Step]:
    return Step


@pytest.fixture
def box() -> Callable[..., tuple[float, float, float, float, float, int]]:
    """One detection: ``box(x, y, confidence=, class_id=, width=, height=)``."""

    def make(
        x: float,
        y: float = 200,
        *,
        confidence: float = 0.9,
        class_id: int = 0,
        width: float = 40,
        height: float = 100,
    ) -> tuple[float, float, float, float, float, int]:
        return (*person(x, y, width=width, height=height), confidence, class_id)

    return make
