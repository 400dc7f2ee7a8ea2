import zlib
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from pipeline.clock import SECOND
from pipeline.stage import Picture
from stages.alert.normal.flow_field import FlowField
from stages.capture.flow import APART_NS, FlowGrid
from stages.capture.options import CameraOptions

OPTIONS = CameraOptions(source="synthetic:320x240@10")


def texture(width: int = 360, height: int = 240, *, seed: int = 0) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip((soft.astype(np.float32) - 128) * 4 + 128, 0, 255).astype(np.uint8)


def shifted(pixels: Picture, right: float, down: float = 0.0) -> Picture:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(pixels, matrix, pixels.shape[1::-1], borderMode=cv2.BORDER_WRAP)
    return np.asarray(moved, np.uint8)


def told(first: Picture, second: Picture, *, seconds: float) -> dict[str, Any]:
    grid = FlowGrid(OPTIONS)
    assert grid.measure(first, 0) is None, "one picture says nothing of motion"
    found = grid.measure(second, round(seconds * SECOND))
    assert found is not None
    return found


def field(first: Picture, second: Picture, *, seconds: float) -> FlowField:
    return FlowField.unpack(told(first, second, seconds=seconds))


@pytest.mark.parametrize("fps", [5, 10, 12.5, 15])
def test_a_speed_is_the_same_at_any_frame_rate(fps: float) -> None:
    pixels = texture()
    seen = field(pixels, shifted(pixels, 30 / fps), seconds=1 / fps)
    assert np.median(seen.speed) == pytest.approx(30, rel=0.06)


def test_at_more_frames_a_second_pictures_further_apart_are_compared() -> None:
    pixels, grid = texture(), FlowGrid(OPTIONS)
    said = [grid.measure(shifted(pixels, index), round(index * SECOND / 30)) for index in range(5)]
    assert said[0] is None
    assert said[1] is None
    assert said[2] is said[3], "33 ms later is too soon to look again"
    assert said[4] is not said[3]
    assert said[2] is not None
    assert np.median(FlowField.unpack(said[2]).speed) == pytest.approx(30, rel=0.06)
    assert 2 * SECOND / 30 >= APART_NS > SECOND / 30


@pytest.mark.parametrize("width", [180, 360, 1080])
def test_a_speed_is_of_the_view_and_not_of_the_cameras_pixels(width: int) -> None:
    """The same scene, filmed with more or fewer pixels."""
    small = texture()
    size = (width, width * 2 // 3)
    first, second = (cv2.resize(each, size, interpolation=cv2.INTER_CUBIC) for each in (small, shifted(small, 4)))
    assert np.median(field(np.asarray(first, np.uint8), np.asarray(second, np.uint8), seconds=0.1).speed) == (
        pytest.approx(40, rel=0.1)
    )


def test_a_still_picture_has_no_speed() -> None:
    assert field(texture(), texture(), seconds=0.1).speed.max() < 0.5


def test_noise_alone_does_not_move() -> None:
    random = np.random.default_rng(1)
    still = texture().astype(np.float64)
    first, second = (np.clip(still + random.normal(0, 2, still.shape), 0, 255).astype(np.uint8) for _ in range(2))
    assert field(first, second, seconds=0.1).speed.max() == 0


def test_what_moves_alone_is_found_where_it_is() -> None:
    first = texture()
    second = first.copy()
    patch = texture(40, 40, seed=1)
    first[100:140, 200:240], second[100:140, 206:246] = patch, patch
    seen = field(first, second, seconds=0.1)
    box = np.array([[206 / 360, 100 / 240, 240 / 360, 140 / 240], [0.0, 0.6, 0.3, 1.0]])
    inside, elsewhere = seen.quantile(box, 0.5).tolist()
    assert inside == pytest.approx(60, rel=0.15)
    assert elsewhere < 1


@pytest.mark.parametrize("shape", [(240, 360), (37, 211), (480, 101), (16, 16), (3, 500)])
def test_any_shape_of_picture_is_measured(shape: tuple[int, int]) -> None:
    first, second = (texture(shape[1], shape[0], seed=seed) for seed in (0, 1))
    seen = field(first, second, seconds=0.1)
    assert np.isfinite(seen.quantile(np.array([[0.0, 0.0, 1.0, 1.0]]), 0.5)).all()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(told(first, second, seconds=0.1)))["cells"] == list(
        seen.speed.shape
    )


def test_equal_frames_give_equal_bytes_whatever_the_threads() -> None:
    before = cv2.getNumThreads()
    pixels = texture()
    try:
        said = []
        for threads in (1, 2, 3):
            cv2.setNumThreads(threads)
            said.append(msgspec.msgpack.encode(told(pixels, shifted(pixels, 3.3, 1.2), seconds=0.1)))
    finally:
        cv2.setNumThreads(before)
    assert said[0] == said[1] == said[2]


def test_after_a_reset_and_after_another_size_it_says_nothing_once() -> None:
    grid, pixels = FlowGrid(OPTIONS), texture()
    grid.measure(pixels, 0)
    assert grid.measure(pixels, SECOND) is not None
    grid.reset()
    assert grid.measure(pixels, 2 * SECOND) is None
    assert grid.measure(pixels, 3 * SECOND) is not None
    assert grid.measure(texture(200, 240), 4 * SECOND) is None
    assert grid.measure(texture(200, 240), 5 * SECOND) is not None


def test_a_frame_costs_few_bytes_in_the_log() -> None:
    pixels = texture()
    moved = pixels.copy()
    moved[100:140, 200:240] = texture(40, 40, seed=1)
    assert len(msgspec.msgpack.encode(told(pixels, moved, seconds=0.1))) < 1500
    assert zlib.decompress(told(pixels, pixels, seconds=0.1)["speed"]) == bytes(40 * 60)
