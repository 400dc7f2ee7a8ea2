"""Frames on their way from capture to the recorder: whole or not at all, and nobody waits for anybody."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import SourceError
from pipeline.messages import Frame
from pipeline.shared_frames import SLOTS, FrameSharer, Shared, SharedFrames
from pipeline.stage import Captured

MakeSharer = Callable[..., FrameSharer]


def captured(number: int, shape: tuple[int, int, int] = (24, 32, 3), arrived_ns: int = 0) -> Captured:
    frame = Frame(
        camera="desk", session=0, index=number, media_ns=number * 40, wall_ns=10**9 + number * 40, arrived_ns=arrived_ns
    )
    return Captured(frame, np.full(shape, number % 251, np.uint8), None, None)


@pytest.fixture
def sharer(tmp_path: Path) -> Iterator[MakeSharer]:
    made: list[FrameSharer] = []

    def make(incarnation: str = "first", rings: Path = tmp_path) -> FrameSharer:
        made.append(FrameSharer(tmp_path / "frames", rings, camera="desk", incarnation=incarnation))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def frames(tmp_path: Path) -> Iterator[SharedFrames]:
    made = SharedFrames(tmp_path / "frames")
    made.open()
    yield made
    made.close()


def heard(frames: SharedFrames) -> list[Shared]:
    """What is there to be heard."""
    found = []
    while (shared := frames.next(0.01)) is not None:
        found.append(shared)
    return found


def test_a_frame_arrives_as_it_was_and_stays_so(sharer: MakeSharer, frames: SharedFrames) -> None:
    capture = sharer()
    capture.share(captured(7))
    shared = frames.next(1.0)
    assert shared is not None
    for number in range(3 * SLOTS):
        capture.share(captured(number))
    assert (shared.number, shared.media_ns, shared.wall_ns, shared.incarnation) == (1, 280, 10**9 + 280, "first")
    assert np.array_equal(shared.pixels, captured(7).pixels)


def test_frames_for_nobody_are_no_error(sharer: MakeSharer) -> None:
    capture = sharer()
    for number in range(3 * SLOTS):
        capture.share(captured(number))
    capture.be_silent("away")


def test_a_recorder_that_is_too_slow_gets_no_torn_frame_and_learns_how_many_it_missed(
    sharer: MakeSharer, frames: SharedFrames
) -> None:
    capture = sharer()
    for number in range(100):
        capture.share(captured(number))
    assert heard(frames) == [], "what the kernel kept is written over"
    capture.share(captured(100))
    late = heard(frames)
    assert [each.number for each in late] == list(range(91, 102)), "all that still lies there"
    assert all(np.array_equal(each.pixels, captured(each.number - 1).pixels) for each in late)


def test_what_was_written_over_before_it_could_be_copied_is_not_given_out(
    sharer: MakeSharer, frames: SharedFrames, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = sharer()
    capture.share(captured(0))
    monkeypatch.setattr(capture, "_tell", lambda message: None)  # the kernel's queue is full
    for number in range(1, SLOTS + 1):
        capture.share(captured(number))
    assert heard(frames) == []


def test_a_recorder_that_is_started_again_hears_what_comes_from_then_on(sharer: MakeSharer, tmp_path: Path) -> None:
    capture = sharer()
    recorders = [SharedFrames(tmp_path / "frames") for _ in range(3)]
    for number, recorder in enumerate(recorders):  # those before were killed: they closed nothing
        recorder.open()
        capture.share(captured(number))
        [shared] = heard(recorder)
        assert shared.number == number + 1
    for recorder in recorders:
        recorder.close()


def test_another_capture_says_that_it_is_another(sharer: MakeSharer, frames: SharedFrames) -> None:
    sharer().share(captured(0))
    sharer("second").share(captured(1))
    assert [(each.incarnation, each.number) for each in heard(frames)] == [("first", 1), ("second", 1)]


def test_a_picture_of_another_size_has_another_ring(sharer: MakeSharer, frames: SharedFrames, tmp_path: Path) -> None:
    capture = sharer()
    capture.share(captured(0))
    [small] = heard(frames)
    capture.share(captured(1, (48, 64, 3)))
    [large] = heard(frames)
    assert (small.pixels.shape, large.pixels.shape) == ((24, 32, 3), (48, 64, 3))
    assert len(list(tmp_path.glob("*.ring"))) == 1


def test_a_ring_that_somebody_removed_is_made_again(sharer: MakeSharer, frames: SharedFrames, tmp_path: Path) -> None:
    capture = sharer()
    capture.share(captured(0))
    assert len(heard(frames)) == 1
    [ring] = tmp_path.glob("*.ring")
    ring.unlink()
    capture.share(captured(1))
    assert len(heard(frames)) == 1
    assert len(list(tmp_path.glob("*.ring"))) == 1


def test_why_no_frames_come_is_said(sharer: MakeSharer, frames: SharedFrames) -> None:
    capture = sharer()
    capture.be_silent("the device gives no more pictures")
    with pytest.raises(SourceError, match="gives no more pictures"):
        frames.next(1.0)
    capture.be_silent("")
    assert frames.next(1.0) is None
    assert frames.over


def test_without_room_for_a_ring_the_recorder_learns_why_and_later_there_is_one(
    sharer: MakeSharer, frames: SharedFrames, tmp_path: Path
) -> None:
    capture = sharer(rings=tmp_path / "none")
    capture.share(captured(0, arrived_ns=1))
    with pytest.raises(SourceError, match="cannot be created"):
        frames.next(1.0)
    (tmp_path / "none").mkdir()
    capture.share(captured(1, arrived_ns=2))
    with pytest.raises(SourceError, match="cannot be created"):
        frames.next(1.0)
    capture.share(captured(2, arrived_ns=10**10))
    assert len(heard(frames)) == 1


def test_what_is_no_message_is_refused(frames: SharedFrames, tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"\xc1", str(tmp_path / "frames"))
    with pytest.raises(SourceError, match="cannot be read"):
        frames.next(1.0)
