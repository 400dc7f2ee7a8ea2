"""Each track names the detection that supports it, so that what the detector saw there can be looked up."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detections import Detections
from pipeline.messages import Frame, Status
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker


def crowd(seed: int, frames: int = 60) -> list[tuple[Frame, Status, Detections]]:
    """Walkers with misses, clutter, doubles and drops. The vector of a detection is its middle."""
    random = np.random.default_rng(seed)
    place, speed = random.uniform(100, 500, (6, 2)), random.normal(0, 30, (6, 2))
    feed = []
    for index in range(frames):
        place += speed * 0.1
        status = Status(random.choice([Status.ANALYSED] * 8 + [Status.STATIC, Status.SUPERSEDED]))
        middle = np.concatenate([place[random.random(6) < 0.8], random.uniform(0, 600, (2, 2)), place[:2] + 1])
        half = np.array([20, 50])
        xyxy = np.concatenate([middle - half, middle + half], 1).astype(np.float32)
        confidence = random.uniform(0.05, 1, len(xyxy)).astype(np.float32)
        frame = Frame(camera="c", session=0, index=index, media_ns=index * 100_000_000, width=640, height=640)
        feed.append((frame, status, Detections(xyxy, confidence, np.zeros(len(xyxy), np.int32), middle.astype("f2"))))
    return feed


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_track_has_the_vector_of_a_detection_where_it_stands_exactly_when_it_was_observed(seed: int) -> None:
    tracker = ByteTracker(TrackOptions(confirm_hits=1, confirm_evidence=0))
    for frame, status, detections in crowd(seed):
        tracks = tracker.update(frame, status, detections)
        vectors = tracks.embedding(detections)
        if vectors is None:
            assert status is Status.STATIC or not len(tracks)
            continue
        assert np.array_equal(np.isfinite(vectors).all(axis=1), tracks.observed)
        middle = (tracks.xyxy[:, :2] + tracks.xyxy[:, 2:])[tracks.observed] / 2
        inside = ((middle > 30) & (middle < 600)).all(axis=1)
        assert (np.abs(middle - vectors[tracks.observed])[inside] < 30).all()
        assert tracks.detection is not None
        named = tracks.detection[tracks.observed].tolist()
        assert len(named) == len(set(named))


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 60))
def test_what_is_remembered_and_told_is_the_same_with_vectors_and_without(seed: int, cut: int) -> None:
    seeing, blind = ByteTracker(TrackOptions()), ByteTracker(TrackOptions())
    for index, (frame, status, detections) in enumerate(crowd(seed)):
        if index == cut:
            seeing.restore(seeing.state())
        told = seeing.update(frame, status, detections)
        plain = blind.update(frame, status, replace(detections, embedding=None))
        assert plain.detection is None
        assert seeing.state() == blind.state()
        for name in ("xyxy", "confidence", "class_id", "track_id", "observed", "vote"):
            assert np.array_equal(getattr(told, name), getattr(plain, name))
