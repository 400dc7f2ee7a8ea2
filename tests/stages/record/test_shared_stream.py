"""A recording of the frames that analysis has: each of them, at its time, and what is missing is said."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from pipeline.clock import SECOND, SystemClock
from pipeline.errors import SourceError
from pipeline.messages import Frame
from pipeline.shared_frames import FrameSharer, SharedFrames
from pipeline.stage import Captured, Picture
from stages.capture.pattern import Pattern
from stages.record.clip import Closed
from stages.record.encoding import Encoder
from stages.record.live import LiveRecording
from stages.record.options import RecordOptions
from stages.record.shared_stream import Encoded, SharedStream
from tests.stages.record.conftest import numbers, times

NOON_NS = 1_795_000_000 * SECOND
STEP_NS = SECOND // 10
PATTERN = Pattern.parse("synthetic:320x240@10")


class Counted(SharedStream):
    """Knows when its latest frame was."""

    seen_ns = -1

    def read(self) -> Encoded | None:
        encoded = super().read()
        if encoded is not None:
            self.seen_ns = encoded.media_ns
        return encoded


class Scene:
    """A capture and a recorder in one process; frames are 0.1 s apart by every clock but this machine's."""

    def __init__(self, folder: Path, *, silence_s: float = 60.0) -> None:
        self.folder = folder
        self.sharer = self.capture("first")
        self.stream = Counted(
            SharedFrames(folder / "frames"),
            SystemClock(),
            quality=18,
            open_timeout_s=60,
            silence_s=silence_s,
            rate=None,
        )
        options = RecordOptions(pre_roll_s=2, post_roll_s=1)
        segments = folder / "segments"
        self.recording = LiveRecording(options, self.stream, paint=None, segments=segments, times=self.stream)
        self.closed: list[Closed] = []
        self.number = 0

    def capture(self, incarnation: str) -> FrameSharer:
        return FrameSharer(self.folder / "frames", self.folder, camera="desk", incarnation=incarnation)

    def share(self, pixels: Picture | None = None, *, wall_s: float = 0.0) -> None:
        number, self.number = self.number, self.number + 1
        picture = PATTERN.draw(number) if pixels is None else pixels
        wall_ns = NOON_NS + number * STEP_NS + round(wall_s * SECOND)
        frame = Frame(camera="desk", session=0, index=number, media_ns=number * STEP_NS, wall_ns=wall_ns)
        self.sharer.share(Captured(frame, picture, None, None))

    def share_with_nobody(self, count: int) -> None:
        """Announcements that the kernel has no room for."""
        address, self.sharer._address = self.sharer._address, str(self.folder / "nobody")
        for _ in range(count):
            self.share()
        self.sharer._address = address

    @contextmanager
    def silent(self, reason: str) -> Iterator[None]:
        """Capture repeats why it has no frames."""
        done = threading.Event()

        def repeat() -> None:
            while not done.wait(0.02):
                self.sharer.be_silent(reason)

        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def open(self) -> None:
        """Connect, with the first frame, which has to be repeated until somebody hears it."""
        begun = threading.Event()

        def first() -> None:
            while not (self.folder / "frames").exists() and not begun.wait(0.01):
                pass
            self.share()

        thread = threading.Thread(target=first)
        thread.start()
        try:
            self.recording.open()
        finally:
            begun.set()
            thread.join()
        self.take()

    def go_on(self, count: int) -> None:
        """So many frames, each taken before the next one comes."""
        for _ in range(count):
            self.share()
            self.take()

    def at(self, number: int) -> int:
        """When a frame was taken, as the recording has it."""
        found = self.recording.at(number * STEP_NS)
        assert found is not None
        return found

    def wait(self) -> None:
        """Until something happens, for some seconds."""
        for _ in range(50):
            assert self.recording.step() == []

    def take(self) -> None:
        """Until the latest frame is recorded."""
        while self.stream.seen_ns < (self.number - 1) * STEP_NS:
            self.closed += self.recording.step()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    begun: list[Scene] = []

    def begin(**options: float) -> Scene:
        begun.append(Scene(tmp_path, **options))
        return begun[-1]

    yield begin
    for scene in begun:
        scene.recording.close()
        scene.sharer.close()


@pytest.fixture
def scene(begin: Callable[..., Scene]) -> Scene:
    return begin()


def test_a_clip_holds_each_frame_of_its_time_and_the_frame_of_its_event(scene: Scene, tmp_path: Path) -> None:
    scene.open()
    scene.go_on(39)
    begun = scene.at(25)
    assert begun == NOON_NS + 25 * STEP_NS
    scene.recording.want("e", tmp_path / "e.mp4", from_ns=begun - 2 * SECOND, to_ns=begun + 2 * SECOND)
    scene.go_on(20)
    [clip] = scene.closed
    assert clip.recorded is not None
    assert clip.short == ""
    shown = numbers(tmp_path / "e.mp4")
    assert shown == list(range(0, 46)), "it begins with the key frame at 0 or 0.5 s before"
    event_at_s = (begun - clip.recorded.started_ns) / SECOND
    assert dict(zip(times(tmp_path / "e.mp4"), shown, strict=True))[round(event_at_s, 3)] == 25
    assert scene.recording.clock == "shared"


def test_a_key_frame_comes_each_second_however_slow_the_camera_is(tmp_path: Path) -> None:
    encoder = Encoder(width=320, height=240, rate=25, quality=23, key_s=1.0)
    keys = [
        number
        for number in range(0, 100, 3)
        for packet in encoder.picture(PATTERN.draw(number), NOON_NS + number * STEP_NS)
        if packet.is_keyframe
    ]
    assert keys == list(range(0, 100, 12)), "every 1.2 s: the first frame that is a second later"


def test_frames_that_were_lost_are_said_of_the_clip_that_misses_them(scene: Scene, tmp_path: Path) -> None:
    scene.open()
    scene.go_on(29)
    scene.recording.want("before", tmp_path / "before.mp4", from_ns=scene.at(5), to_ns=scene.at(25))
    scene.recording.want("after", tmp_path / "after.mp4", from_ns=scene.at(25), to_ns=scene.at(25) + 2 * SECOND)
    scene.share_with_nobody(14)
    scene.go_on(20)
    assert {clip.name: clip.short for clip in scene.closed} == {
        "before": "",
        "after": "4 pictures were lost on the way",
    }
    assert [number for number in numbers(tmp_path / "after.mp4") if number in range(29, 36)] == [29, 34, 35]


def test_announcements_that_were_not_heard_cost_nothing_while_the_frames_lie_there(
    scene: Scene, tmp_path: Path
) -> None:
    scene.open()
    scene.recording.want("e", tmp_path / "e.mp4", from_ns=NOON_NS, to_ns=NOON_NS + 2 * SECOND)
    scene.share_with_nobody(10)
    scene.go_on(20)
    [clip] = scene.closed
    assert clip.short == ""
    assert numbers(tmp_path / "e.mp4") == list(range(21))


def test_whoever_is_slow_to_write_loses_no_frame(scene: Scene, tmp_path: Path) -> None:
    scene.open()
    scene.recording.want("e", tmp_path / "e.mp4", from_ns=NOON_NS, to_ns=NOON_NS + 5 * SECOND)
    for _ in range(60):  # nobody reads the stream meanwhile
        scene.share()
        while scene.stream._packets.qsize() < scene.number - 1:
            pass
    scene.take()
    [clip] = scene.closed
    assert clip.short == ""
    assert numbers(tmp_path / "e.mp4") == list(range(51))


def test_capture_that_is_started_again_breaks_it_off_and_the_clip_goes_on(scene: Scene, tmp_path: Path) -> None:
    scene.open()
    scene.go_on(20)
    until_ns = NOON_NS + 5 * SECOND
    scene.recording.want("e", tmp_path / "e.mp4", from_ns=NOON_NS, to_ns=until_ns)
    scene.sharer.close()
    scene.sharer = scene.capture("second")
    scene.number += 10
    scene.share()
    with pytest.raises(SourceError, match="capture was started again"):
        scene.take()
    assert scene.recording.close() == []
    scene.open()
    why = "capture was started again"
    scene.recording.want("e", tmp_path / "e.mp4", from_ns=NOON_NS, to_ns=until_ns, why=why)
    scene.go_on(30)
    [clip] = scene.closed
    assert clip.short == "from 2.0 to 3.2 s nothing was recorded; capture was started again"
    assert numbers(tmp_path / "e.mp4") == [*range(21), *range(32, 51)]


def test_another_size_of_the_picture_is_another_stream(scene: Scene) -> None:
    scene.open()
    scene.share(np.zeros((480, 640, 3), np.uint8))
    with pytest.raises(SourceError, match="another size"):
        scene.take()
    scene.recording.close()
    scene.open()
    scene.go_on(5)
    assert scene.stream.stream.width == 320


def test_a_clock_that_is_set_breaks_it_off(scene: Scene) -> None:
    scene.open()
    scene.share(wall_s=-3600)
    with pytest.raises(SourceError, match="clock of this machine was set"):
        scene.take()


def test_why_the_camera_is_away_is_why_nothing_is_recorded(scene: Scene) -> None:
    scene.open()
    scene.sharer.be_silent("the device gives no more pictures")
    with pytest.raises(SourceError, match="gives no more pictures"):
        scene.wait()


def test_a_capture_that_says_nothing_any_more_is_noticed_unless_it_said_that_it_is_over(
    begin: Callable[..., Scene],
) -> None:
    scene = begin(silence_s=1.0)
    scene.open()
    scene.sharer.be_silent("")
    for _ in range(15):
        assert scene.recording.step() == []
    scene.go_on(1)
    with pytest.raises(SourceError, match=r"has sent no frames for [1-9]\d*\.\d s"):
        scene.wait()


def test_without_a_first_frame_it_cannot_be_opened(tmp_path: Path) -> None:
    frames = SharedFrames(tmp_path / "frames")
    stream = SharedStream(frames, SystemClock(), quality=23, open_timeout_s=0.1, silence_s=1, rate=None)
    with pytest.raises(SourceError, match="capture sends no frames"):
        stream.open()
    assert not (tmp_path / "frames").exists()


def test_a_camera_that_was_away_when_it_was_over_is_not_recorded_for_the_reason_it_was_away(scene: Scene) -> None:
    scene.open()
    for reason in ("the device gives no more pictures", ""):
        scene.recording.close()
        with scene.silent(reason), pytest.raises(SourceError, match="gives no more pictures"):
            scene.recording.open()
