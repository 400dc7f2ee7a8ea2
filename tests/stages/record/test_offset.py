from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.clock import SECOND
from stages.record.filming import Film
from stages.record.offset import measure_offset
from stages.record.options import RecordOptions

Where = Callable[[float], float]
WIDTH, HEIGHT, SIDE, STILL = 640, 480, 96, 40.0
RATE = 10


def walks(time_s: float) -> float:
    return STILL + 60 * time_s


def stands(time_s: float) -> float:
    return STILL


def picture(time_s: float, where: Where) -> np.ndarray:
    """A street of some texture, and an object with another that changes as it goes."""
    noise = np.random.default_rng(7)
    street = cv2.resize(noise.integers(90, 150, (24, 32, 3), dtype=np.uint8), (WIDTH, HEIGHT))
    left = round(where(time_s))
    look = cv2.resize(noise.integers(0, 255, (6, 6, 3), dtype=np.uint8), (SIDE, SIDE))
    street[200 : 200 + SIDE, left : left + SIDE] = np.roll(look, round(time_s * 8) if where is walks else 0, axis=0)
    return street


@pytest.fixture
def clip(tmp_path: Path) -> Callable[[Where], Path]:
    def make(where: Where) -> Path:
        film = Film(tmp_path / "clip.mp4", RecordOptions())
        for number in range(60):
            film.add(picture(number / RATE, where), round(number / RATE * SECOND))
        film.close()
        return tmp_path / "clip.mp4"

    return make


def seen(time_s: float, where: Where) -> tuple[bytes, dict[str, tuple[float, float, float, float]]]:
    """What a sub-stream of half the size shows of it: a picture with a caption, a frame around the object."""
    small = cv2.resize(picture(time_s, where), (WIDTH // 2, HEIGHT // 2))
    left = where(time_s) / 2
    box = (left, 100.0, left + SIDE / 2, 100 + SIDE / 2)
    cv2.rectangle(small, (round(box[0]), 100), (round(box[2]), 100 + SIDE // 2), (40, 90, 255), 2)
    small = np.vstack([small, np.zeros((30, WIDTH // 2, 3), np.uint8)])
    share = (box[0] / WIDTH * 2, box[1] / HEIGHT * 2, box[2] / WIDTH * 2, box[3] / HEIGHT * 2)
    return cv2.imencode(".jpg", small)[1].tobytes(), {"box": share, "box_px": box}


@pytest.mark.parametrize("apart_s", [-1.0, 0.0, 0.7])
def test_the_offset_of_a_moving_object_is_found(clip: Callable[[Where], Path], apart_s: float) -> None:
    image, boxes = seen(3.0, walks)
    found = measure_offset(clip(walks), image, **boxes, at_s=3.0 - apart_s, reach_s=2)
    assert found is not None
    assert found.seconds == pytest.approx(apart_s, abs=1 / RATE)
    assert found.within_s <= 0.3


def test_an_object_that_stands_still_tells_nothing(clip: Callable[[Where], Path]) -> None:
    image, boxes = seen(3.0, stands)
    assert measure_offset(clip(stands), image, **boxes, at_s=3.0, reach_s=2) is None


def test_an_object_that_is_not_in_the_clip_tells_nothing(clip: Callable[[Where], Path]) -> None:
    image, boxes = seen(3.0, walks)
    assert measure_offset(clip(stands), image, **boxes, at_s=3.0, reach_s=2) is None


def test_what_is_further_away_than_looked_for_is_not_found(clip: Callable[[Where], Path]) -> None:
    image, boxes = seen(5.0, walks)
    assert measure_offset(clip(walks), image, **boxes, at_s=1.0, reach_s=2) is None


def test_what_is_no_picture_is_refused(clip: Callable[[Where], Path]) -> None:
    with pytest.raises(ValueError, match="no picture"):
        measure_offset(clip(walks), b"nothing", box=(0, 0, 1, 1), box_px=(0, 0, 9, 9), at_s=1, reach_s=1)
