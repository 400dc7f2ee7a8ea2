"""Numbers of synthetic pictures."""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.clock import SECOND
from pipeline.stage import Picture
from stages.capture.health import HealthMeter
from stages.capture.options import CameraOptions

FPS = 5


def town(width: int = 640, height: int = 360) -> Picture:
    """Houses with sharp edges."""
    rng = np.random.default_rng(1)
    picture = np.full((height + 80, width + 80, 3), 110, np.uint8)
    for _ in range(120):
        x, y = rng.integers(0, width + 60), rng.integers(0, height + 60)
        wide, high = rng.integers(10, 60, 2)
        picture[y : y + high, x : x + wide] = rng.integers(60, 190, 3)
    return picture[40 : 40 + height, 40 : 40 + width]


def shifted(pixels: int) -> Picture:
    rolled = np.roll(town(), pixels, axis=1)
    return np.ascontiguousarray(rolled)


def noisy(picture: Picture, number: int) -> Picture:
    return np.clip(picture + np.random.default_rng(number).normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def last(pictures: Iterable[Picture]) -> dict[str, Any]:
    meter = HealthMeter(CameraOptions(source="clip.mp4"))
    said: dict[str, Any] = {}
    for number, picture in enumerate(pictures):
        said = meter.measure(picture, number * SECOND // FPS)
    return said


def usual(seconds: int = 4) -> list[Picture]:
    return [noisy(town(), number) for number in range(seconds * FPS)]


def test_a_black_picture_is_dark_everywhere_and_has_nothing_in_it() -> None:
    said = last([np.zeros_like(town())])
    assert (said["mean"], said["spread"], said["dark"], said["fine"], said["kept"]) == (0, 0, 1, 0, None)


def test_a_repeated_picture_is_the_same_for_as_long_as_it_is_repeated() -> None:
    said = last([*usual(), *[town()] * (3 * FPS + 1)])
    assert said["same_s"] == pytest.approx(3.0)
    assert last(usual())["same_s"] == 0.0


def test_blur_takes_the_fine_and_leaves_the_coarse() -> None:
    sharp, blurred = last([town()]), last([np.asarray(cv2.GaussianBlur(town(), (0, 0), 6), np.uint8)])
    assert blurred["fine"] < 0.4 * sharp["fine"]
    assert blurred["coarse"] > 0.5 * sharp["coarse"]


def test_a_cover_takes_both() -> None:
    cover = np.full_like(town(), 90)
    said = last([*usual(), noisy(cover, 5)])
    assert said["coarse"] < 0.3 * last(usual())["coarse"]


@pytest.mark.parametrize("pixels", [40, -64])
def test_a_camera_that_is_turned_shows_by_how_much(pixels: int) -> None:
    said = last([*usual(), *[noisy(shifted(pixels), number) for number in range(FPS)]])
    assert said["shift"] == pytest.approx([pixels / 640, 0], abs=0.01)
    assert said["response"] > 0.1


def test_a_light_that_is_switched_on_moves_nothing() -> None:
    lit = np.clip(town() * 1.4 + 20, 0, 255).astype(np.uint8)
    said = last([*usual(), *[noisy(lit, number) for number in range(FPS)]])
    assert np.abs(said["shift"]).max() < 0.005
    assert said["kept"] > 0.9


def test_a_person_who_walks_through_moves_nothing() -> None:
    pictures = usual(10)
    for number, picture in enumerate(pictures):
        picture[120:330, 10 * number : 10 * number + 80] = (40, 40, 60)
    said = last(pictures)
    assert np.abs(said["shift"]).max() < 0.005
    assert said["kept"] > 0.7


def test_another_view_keeps_no_block() -> None:
    flipped = np.ascontiguousarray(town()[::-1, ::-1])
    said = last([*usual(), *[noisy(flipped, number) for number in range(FPS)]])
    assert said["kept"] <= 0.15


def test_a_view_that_stays_is_the_usual_one_after_a_minute() -> None:
    said = last([*usual(), *[shifted(64)] * (62 * FPS)])
    assert np.abs(said["shift"]).max() < 0.005
    assert said["usual_s"] < 3


def test_equal_frames_give_equal_numbers() -> None:
    assert last(usual()) == last(usual())


def test_a_picture_of_another_size_has_no_view_to_compare_with() -> None:
    said = last([*usual(), town(320, 240)])
    assert (said["shift"], said["same_s"]) == ([0.0, 0.0], 0.0)


@pytest.mark.parametrize("size", [(8, 8), (17, 9), (48, 48)])
def test_tiny_pictures_can_be_measured(size: tuple[int, int]) -> None:
    assert last([np.zeros((*size, 3), np.uint8)] * 3)["mean"] == 0
