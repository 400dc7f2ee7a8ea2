"""Snapshots of recordings are made from frames that are decoded again, in any order, or it is said why not."""

from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pytest

from pipeline.build import build_capture
from pipeline.clock import ManualClock
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.messages import Event
from pipeline.recorded_snapshots import RecordedSnapshots
from pipeline.stage import Capture, Picture
from pipeline.store.sample_event import sample_event

FRAMES = 30


@pytest.fixture(scope="module")
def config() -> PipelineConfig:
    return default_config([f"synthetic:112x96@10?frames={FRAMES}&recording=yes"])


@dataclass
class Drawn:
    """What became of events."""

    config: PipelineConfig
    settled: set[int] = field(default_factory=set)
    pictures: dict[int, Picture] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.camera,) = self.config.cameras
        self.late = RecordedSnapshots(
            self.capture, is_settled=lambda event: event.frame in self.settled, draw=self.draw, give_up=self.give_up
        )

    def capture(self, camera: str) -> Capture:
        self.opened.append(camera)
        return build_capture(self.config, camera, ManualClock())

    def draw(self, event: Event, pixels: Picture) -> None:
        self.pictures[event.frame] = pixels.copy()

    def give_up(self, event: Event, reason: str) -> None:
        self.reasons[event.frame] = reason

    def make(self, *frames: int) -> None:
        for frame in frames:
            self.late.add(sample_event(self.camera, frame, id=f"e{frame}", frame=frame))
        steps = count()
        while self.late.step():
            assert next(steps) < 10 * FRAMES, "it goes on for ever"
        self.late.close()


def seen(config: PipelineConfig, frame: int) -> Picture:
    """The frame as it was in its slot."""
    (camera,) = config.cameras
    capture = build_capture(config, camera, ManualClock())
    capture.open(session=0, next_index=0, last_media_ns=-1)
    try:
        for _ in range(frame):
            captured = capture.capture(None)
        return captured.pixels.copy()
    finally:
        capture.close()


def test_a_snapshot_is_that_of_its_frame_in_whatever_order_they_are_asked_for(config: PipelineConfig) -> None:
    drawn = Drawn(config)
    drawn.make(20, 5, 12)
    assert sorted(drawn.pictures) == [5, 12, 20]
    assert all(np.array_equal(pixels, seen(config, frame)) for frame, pixels in drawn.pictures.items())
    assert len(drawn.opened) == 1
    drawn.make(3)
    assert np.array_equal(drawn.pictures[3], seen(config, 3))
    assert drawn.reasons == {}


def test_what_was_settled_meanwhile_is_not_made_again(config: PipelineConfig) -> None:
    drawn = Drawn(config, settled={5})
    drawn.make(5, 7)
    assert list(drawn.pictures) == [7]
    drawn = Drawn(config, settled={5})
    drawn.make(5)
    assert drawn.pictures == {}
    assert drawn.opened == [], "nothing is decoded for it"


def test_a_frame_that_the_recording_does_not_have_is_given_up_with_the_reason_and_the_others_are_made(
    config: PipelineConfig,
) -> None:
    drawn = Drawn(config)
    drawn.make(FRAMES + 5, 4)
    assert list(drawn.pictures) == [4]
    assert list(drawn.reasons) == [FRAMES + 5]
    assert drawn.reasons[FRAMES + 5]
    drawn.make(6)
    assert sorted(drawn.pictures) == [4, 6], "the next ones are none the worse for it"


def test_those_that_wait_are_counted_until_their_recording_is_decoded(config: PipelineConfig) -> None:
    drawn = Drawn(config)
    assert len(drawn.late) == 0
    assert not drawn.late.step()
    for frame in (5, 7):
        drawn.late.add(sample_event(drawn.camera, frame, id=f"e{frame}", frame=frame))
    assert len(drawn.late) == 2
    assert drawn.late.step()
    assert len(drawn.late) == 0
    assert drawn.late.step()
    drawn.late.close()
