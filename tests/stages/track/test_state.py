"""What a tracker remembers: interrupted anywhere and restored, it goes on bit for bit."""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detections import Detections
from pipeline.messages import Frame, Status
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker

Feed = list[tuple[Frame, Status, Detections]]


def crowd(seed: int, frames: int) -> Feed:
    """A random crowd: walkers, misses, clutter, half boxes, drops and still moments, at uneven times."""
    random = np.random.default_rng(seed)
    walkers = random.integers(2, 9)
    place, speed = random.uniform(0, 600, (walkers, 2)), random.normal(0, 40, (walkers, 2))
    size = random.uniform(30, 120, walkers)
    feed: Feed = []
    media_ns = 0
    for index in range(frames):
        passed = float(random.choice([0.02, 0.04, 0.1, 0.5]))
        media_ns += int(passed * 1e9)
        place += speed * passed
        status = Status(random.choice([Status.ANALYSED] * 7 + [Status.STATIC, Status.SUPERSEDED]))
        seen = random.random(walkers) < 0.8
        height = size * np.where(random.random(walkers) < 0.2, 0.6, 1.0)
        xyxy = np.stack([place[:, 0], place[:, 1], place[:, 0] + size * 0.4, place[:, 1] + height], 1)[seen]
        confidence = random.uniform(0.05, 1, len(xyxy)).astype(np.float32)
        classes = random.choice([0, 0, 0, 2, 7], len(xyxy)).astype(np.int32)
        frame = Frame(camera="c", session=0, index=index, media_ns=media_ns, width=640, height=640)
        feed.append((frame, status, Detections(xyxy.astype(np.float32), confidence, classes)))
    return feed


def follow(tracker: ByteTracker, feed: Feed) -> list[bytes]:
    """Everything the tracker says, as bytes."""
    said = []
    for frame, status, detections in feed:
        tracks = tracker.update(frame, status, detections)
        arrays: list[npt.NDArray[Any]] = [
            tracks.xyxy, tracks.confidence, tracks.class_id, tracks.track_id, tracks.observed, tracks.vote
        ]  # fmt: skip
        said.append(b"|".join(array.tobytes() for array in arrays))
    return said


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 60))
def test_a_tracker_restored_at_any_frame_goes_on_bit_for_bit(seed: int, cut: int) -> None:
    feed = crowd(seed, 60)
    whole = ByteTracker(TrackOptions())
    expected = follow(whole, feed)
    before = ByteTracker(TrackOptions())
    said = follow(before, feed[:cut])
    after = ByteTracker(TrackOptions())
    after.restore(before.state())
    assert after.state() == before.state()
    assert said + follow(after, feed[cut:]) == expected
    assert after.state() == whole.state()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_a_tracker_says_holds_together(seed: int) -> None:
    tracker = ByteTracker(TrackOptions())
    highest = 0
    for frame, status, detections in crowd(seed, 80):
        tracks = tracker.update(frame, status, detections)
        numbers = tracks.track_id.tolist()
        assert numbers == sorted(set(numbers))
        new = [number for number in numbers if number > highest]
        assert new == list(range(highest + 1, highest + 1 + len(new))), "numbers are given in order, none left out"
        highest = max([highest, *numbers])
        assert np.isfinite(tracks.xyxy).all()
        assert (tracks.xyxy[:, 2:] >= tracks.xyxy[:, :2]).all()
        assert ((tracks.vote > 0) & (tracks.vote <= 1)).all()
        assert status is Status.ANALYSED or not tracks.observed.any()
        assert int(tracks.observed.sum()) <= len(detections)
