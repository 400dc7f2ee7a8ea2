"""A stretch is small, the same again, and damage is noticed."""

from dataclasses import replace

import numpy as np
import pytest

from lab.normal.stretch import Header, Stretch, pack, unpack
from pipeline.clock import SECOND
from stages.alert.normal.looks import Looks
from tests.lab.normal.conftest import film
from tests.lab.normal.minutes import minute

HEADER = Header("o", 0, "d" * 64, ("person",), 0, 1, None)


def test_what_is_kept_is_what_was_seen_to_a_twentieth() -> None:
    frames = film(20, 3)
    again = unpack(pack(Stretch(HEADER, frames)))
    assert again.header == HEADER
    for one, other in zip(frames, again.frames, strict=True):
        assert (one.index, one.media_ns) == (other.index, other.media_ns)
        assert one.subject.tolist() == other.subject.tolist()
        assert one.class_id.tolist() == other.class_id.tolist()
        assert np.allclose(one.box, other.box, atol=1e-5)
        assert np.allclose(one.confidence, other.confidence, atol=0.005)
        flow, kept = one.flow, other.flow
        assert flow is not None
        assert kept is not None
        assert flow.span == kept.span
        assert np.allclose(flow.speed, kept.speed, atol=0.12, rtol=0.03)


def test_what_was_kept_once_is_kept_to_the_byte_ever_after() -> None:
    kept = pack(minute(4))
    assert pack(unpack(kept)) == kept


def test_motion_that_was_not_measured_stays_so_and_what_is_said_again_is_kept_once() -> None:
    frames = film(4, 3)
    frames[0] = replace(frames[0], motion=None)
    frames[2] = replace(frames[2], motion=frames[1].motion)
    again = unpack(pack(Stretch(HEADER, frames))).frames
    assert again[0].motion is None
    assert again[2].motion is again[1].motion
    assert again[3].motion is not again[2].motion


def test_looks_are_kept_with_whom_they_are_of() -> None:
    frames = film(10, 3)
    busy = next(number for number, each in enumerate(frames) if len(each) > 1)
    looks = Looks(np.array([1], np.int32), np.array([[0.5, -0.25, 1.0]], np.float16))
    frames[busy] = replace(frames[busy], looks=looks)
    again = unpack(pack(Stretch(HEADER, frames))).frames
    kept = again[busy].looks
    assert kept is not None
    assert kept.row.tolist() == [1]
    assert kept.vector.tolist() == [[0.5, -0.25, 1.0]]
    assert all(each.looks is None for number, each in enumerate(again) if number != busy)


def test_what_is_said_of_behaviour_is_kept_object_by_object() -> None:
    frames = film(10, 3)
    busy = next(number for number, each in enumerate(frames) if len(each) > 1)
    said = np.full(len(frames[busy]), np.nan)
    said[1] = 0.75
    frames[busy] = replace(frames[busy], behaviour={"fall": said})
    again = unpack(pack(Stretch(HEADER, frames))).frames
    assert np.array_equal(again[busy].behaviour["fall"], said, equal_nan=True)
    assert again[busy - 1].behaviour == {}


@pytest.mark.parametrize("harm", [lambda b: b[:-9], lambda b: b"", lambda b: b"foreign" + b, lambda b: b[:40] + b[41:]])
def test_bytes_that_are_no_stretch_are_refused(harm: object) -> None:
    assert callable(harm)
    with pytest.raises(ValueError, match=r"\w"):
        unpack(harm(pack(minute(1))))


def test_it_knows_since_when_everybody_was_there() -> None:
    first = minute(3)
    known = [replace(each, first_ns=each.subject.astype(np.int64) * SECOND) for each in first.frames]
    again = unpack(pack(Stretch(first.header, known)))
    for each in again.frames:
        assert each.first_ns is not None
        assert each.first_ns.tolist() == [subject * SECOND for subject in each.subject.tolist()]
    assert all(each.first_ns is None for each in first.frames)
