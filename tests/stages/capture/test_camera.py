from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from pipeline.clock import SECOND, ManualClock
from pipeline.errors import SourceEnded
from pipeline.messages import Status
from pipeline.stage import Captured, Grab, Picture
from stages.capture.camera import CameraCapture
from stages.capture.foreground import mask_shape
from stages.capture.options import CameraOptions

NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * SECOND


class ListSource:
    """Grabs from a list; between two of them the clock moves on by the step of a 25 fps camera."""

    def __init__(self, grabs: list[Grab], clock: ManualClock, *, live: bool) -> None:
        self.live = live
        self.frames: int | None = len(grabs)
        self._all = grabs
        self._clock = clock
        self._left: Iterator[Grab] = iter(())

    def open(self) -> None:
        self._left = iter(self._all)

    def read(self, canvas: Picture | None) -> Grab:
        self._clock.advance(SECOND // 25)
        grab = next(self._left, None)
        if grab is None:
            raise SourceEnded("the list is over")
        return _placed(grab, canvas)

    def close(self) -> None:
        self._left = iter(())


def _placed(grab: Grab, canvas: Picture | None) -> Grab:
    pixels = grab.pixels.copy()
    if canvas is not None and canvas.shape == pixels.shape:
        canvas[...] = pixels
        pixels = canvas
    return Grab(pixels, grab.pts_ns, grab.wall_ns, grab.key_frame, grab.corrupt)


class FileSource:
    """A video file by plain OpenCV, its times from the frame number."""

    live = False
    frames: int | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._video: Any = None

    def open(self) -> None:
        self._video, self._count = cv2.VideoCapture(str(self._path)), 0

    def read(self, canvas: Picture | None) -> Grab:
        ok, pixels = self._video.read()
        if not ok:
            raise SourceEnded("the file is over")
        self._count += 1
        return Grab(np.asarray(pixels, np.uint8), self._count * SECOND // 10)

    def close(self) -> None:
        self._video = None


def scene(moving: int | None = None) -> Picture:
    rough = np.random.default_rng(0).integers(60, 180, (15, 20, 3), dtype=np.uint8)
    picture = np.asarray(cv2.resize(rough, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)
    if moving is not None:
        picture[100:180, moving : moving + 40] = (20, 20, 230)
    return picture


def walk(count: int = 60) -> list[Grab]:
    """Half a second of nobody, then somebody who crosses, then nobody."""
    return [
        Grab(scene(40 + 6 * (i - 20) if 20 <= i < 50 else None), i * SECOND // 25, key_frame=i % 12 == 0)
        for i in range(count)
    ]


def camera(grabs: list[Grab], *, live: bool = False, aux: bool = False, **options: Any) -> CameraCapture:
    clock = ManualClock(monotonic_ns=5 * SECOND, wall_ns=NOON)
    made = CameraOptions.model_validate({"source": "clip.mp4", **options})
    source = ListSource(grabs, clock, live=live)
    return CameraCapture(made, camera="gate", source=source, clock=clock, foreground=aux)


def with_foreground(grabs: list[Grab]) -> CameraCapture:
    return camera(grabs, aux=True, foreground={"warm_up_s": 0.5})


def all_of(capture: CameraCapture, limit: int = 10_000) -> list[Captured]:
    captured = []
    for _ in range(limit):
        try:
            captured.append(capture.capture(None))
        except SourceEnded:
            break
    return captured


def opened(capture: CameraCapture, **asked: int) -> CameraCapture:
    capture.open(**{"session": 0, "next_index": 0, "last_media_ns": -1, **asked})
    return capture


def features(captured: Captured) -> dict[str, float]:
    return msgspec.msgpack.decode(captured.frame.features, type=dict[str, float])


def told(captured: Captured) -> tuple[Any, ...]:
    """All of a captured frame that must be the same each time a recording is read."""
    frame = msgspec.structs.replace(captured.frame, arrived_ns=0)
    aux = None if captured.aux is None else captured.aux.tobytes()
    return frame, captured.skip, aux, captured.pixels.tobytes()


def test_frames_are_numbered_and_timed_from_zero_and_a_recording_without_start_has_no_wall_time() -> None:
    frames = [captured.frame for captured in all_of(opened(camera(walk())))]
    assert [frame.index for frame in frames] == list(range(60))
    assert [frame.media_ns for frame in frames] == [i * SECOND // 25 for i in range(60)]
    assert {(frame.camera, frame.session, frame.wall_ns, frame.width, frame.height) for frame in frames} == {
        ("gate", 0, None, 320, 240)
    }
    assert [frame.key_frame for frame in frames[:13]] == [True, *[False] * 11, True]


def test_start_time_gives_a_recording_its_wall_time() -> None:
    capture = opened(camera(walk(5), start_time="2026-11-21T13:00:00.25+01:00"))
    assert all_of(capture)[2].frame.wall_ns == NOON + SECOND // 4 + 2 * SECOND // 25


def test_somebody_who_moves_is_analysed_and_a_still_scene_is_not() -> None:
    captured = all_of(opened(camera(walk(120))))
    skips = [one.skip for one in captured]
    assert skips[14:20] == [Status.STATIC] * 6
    assert skips[20:50] == [None] * 30
    assert skips[70:90] == [Status.STATIC] * 20
    assert features(captured[25])["motion"] > 0.01
    assert captured[25].aux is None


def test_the_mask_is_black_before_the_gate_looks() -> None:
    masks = [[[0, 0], [1, 0], [1, 1], [0, 1]]]
    captured = all_of(opened(camera(walk(), masks=masks)))
    assert not any(one.pixels.any() for one in captured)
    assert [one.skip for one in captured][14:] == [Status.STATIC] * 46


def test_masks_are_painted_in_the_canvas_that_the_source_decoded_into() -> None:
    canvas = np.full((240, 320, 3), 7, np.uint8)
    capture = opened(camera(walk(), masks=[[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]))
    assert np.shares_memory(capture.capture(canvas).pixels, canvas)
    assert not canvas[:, :160].any()
    assert canvas[:, 165:].all()


def test_the_rate_limit_comes_before_the_gate_and_keeps_even_distances() -> None:
    captured = all_of(opened(camera(walk(100), fps=5, gate={"enabled": False})))
    assert [one.frame.index for one in captured if one.skip is None] == list(range(0, 100, 5))
    assert {one.skip for one in captured} == {None, Status.RATE_LIMITED}


def test_a_corrupt_picture_is_told_and_teaches_nothing() -> None:
    grabs = walk(20)
    grabs[15] = Grab(np.zeros((240, 320, 3), np.uint8), grabs[15].pts_ns, corrupt=True)
    captured = all_of(opened(camera(grabs, aux=True)))
    assert [one.skip for one in captured[14:17]] == [Status.STATIC, Status.CORRUPT, Status.STATIC]
    assert captured[15].aux is None


def test_the_foreground_mask_comes_with_each_frame_when_it_is_asked_for() -> None:
    captured = all_of(opened(with_foreground(walk())))
    assert all(one.aux is not None and one.aux.shape == mask_shape(240, 320) for one in captured)
    assert captured[40].aux is not None
    assert captured[40].aux.any()
    assert features(captured[5])["learning"] == 1
    assert "learning" not in features(captured[40])


def test_a_recording_read_again_is_the_same_frame_for_frame() -> None:
    capture = opened(with_foreground(walk()))
    first = [told(one) for one in all_of(capture)]
    capture.close()
    opened(capture, session=9, next_index=33, last_media_ns=10 * SECOND)
    assert [told(one) for one in all_of(capture)] == first
    assert [told(one) for one in all_of(opened(with_foreground(walk())))] == first


def test_the_digest_changes_with_a_pixel_a_mask_or_a_verdict_and_stays_changed() -> None:
    plain = [one.frame.digest for one in all_of(opened(camera(walk())))]
    grabs = walk()
    grabs[10].pixels[0, 0, 0] ^= 1
    touched = [one.frame.digest for one in all_of(opened(camera(grabs)))]
    assert touched[:10] == plain[:10]
    assert all(a != b for a, b in zip(touched[10:], plain[10:], strict=True))
    limited = [one.frame.digest for one in all_of(opened(camera(walk(), fps=5)))]
    assert limited[0] == plain[0]
    assert limited[30] != plain[30]
    masked = [one.frame.digest for one in all_of(opened(camera(walk(), masks=[[[0, 0], [0.1, 0], [0, 0.1]]])))]
    assert masked[0] != plain[0]


def test_a_live_camera_goes_on_numbering_and_counting_time_where_the_log_stands() -> None:
    capture = opened(camera(walk(), live=True), session=3, next_index=500, last_media_ns=70 * SECOND)
    frames = [one.frame for one in all_of(capture)]
    assert [frame.index for frame in frames[:3]] == [500, 501, 502]
    assert frames[0].media_ns == 70 * SECOND + SECOND // 25
    assert {(frame.session, frame.digest) for frame in frames} == {(3, 0)}
    assert frames[10].wall_ns == NOON + 11 * SECOND // 25
    assert capture.source_sha256 == ""


def test_a_live_camera_that_is_opened_again_begins_a_session_and_is_looked_at_afresh() -> None:
    capture = opened(camera(walk(), live=True))
    first = all_of(capture)
    capture.close()
    last = first[-1].frame
    opened(capture, session=1, next_index=last.index + 1, last_media_ns=last.media_ns)
    again = all_of(capture)
    assert (again[0].frame.session, again[0].frame.index, again[0].skip) == (1, 60, None)
    assert again[0].frame.media_ns > last.media_ns
    assert again[1].frame.media_ns - again[0].frame.media_ns == SECOND // 25


def test_a_live_pts_jump_opens_a_session_whose_first_frame_is_analysed() -> None:
    grabs = [Grab(scene(), (i if i < 40 else i + 1000) * SECOND // 25) for i in range(45)]
    captured = all_of(opened(camera(grabs, live=True)))
    assert [one.frame.session for one in captured[38:42]] == [0, 0, 1, 1]
    assert [one.skip for one in captured[38:41]] == [Status.STATIC, Status.STATIC, None]
    assert captured[40].frame.media_ns - captured[39].frame.media_ns == SECOND // 25


def test_a_camera_clock_beyond_belief_is_flagged() -> None:
    grabs = [Grab(scene(), 0, wall_ns=NOON + 3600 * SECOND), Grab(scene(), SECOND // 25, wall_ns=NOON + SECOND)]
    first, second = all_of(opened(camera(grabs, live=True)))
    assert features(first)["clock_drift"] == pytest.approx(3600, abs=0.1)
    assert first.frame.wall_ns == NOON + SECOND // 25
    assert "clock_drift" not in features(second)
    assert second.frame.wall_ns == NOON + SECOND


def test_another_resolution_mid_stream_is_taken_as_it_comes() -> None:
    small = np.asarray(cv2.resize(scene(), (160, 120)), np.uint8)
    grabs = [Grab(scene() if i < 30 else small, i * SECOND // 25) for i in range(60)]
    masks = [[[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]]
    captured = all_of(opened(camera(grabs, masks=masks, aux=True)))
    assert [one.skip for one in captured[28:31]] == [Status.STATIC, Status.STATIC, None]
    assert (captured[30].frame.width, captured[30].frame.height) == (160, 120)
    assert not captured[30].pixels[:60, :80].any()
    assert captured[30].aux is not None
    assert captured[30].aux.shape == (30, 40)


@pytest.mark.footage
def test_three_hundred_frames_of_real_footage_are_the_same_each_time(footage: Path) -> None:
    path = footage / "videos/mot15/PETS09-S2L1/vtest.avi"
    options = CameraOptions.model_validate(
        {"source": str(path), "fps": 7, "masks": [[[0.5, 0], [1, 0.1], [0.9, 0.3]]], "foreground": {"warm_up_s": 2}}
    )
    capture = CameraCapture(options, camera="yard", source=FileSource(path), clock=ManualClock(), foreground=True)
    runs = [[told(one)[:3] for one in all_of(opened(capture), 300)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 300
    assert any(aux and any(aux) for _, _, aux in runs[0])
    assert len(capture.source_sha256) == 64
