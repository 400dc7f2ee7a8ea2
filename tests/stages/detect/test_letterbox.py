from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.detect.letterbox import GREY, Letterbox

SIDES = st.integers(16, 3000)


@pytest.mark.parametrize(
    ("source", "canvas"),
    [((576, 768), (480, 640)), ((1080, 1920), (384, 640)), ((640, 640), (640, 640)), ((1920, 1080), (640, 384))],
)
def test_the_canvas_is_the_smallest_that_the_stride_allows(source: tuple[int, int], canvas: tuple[int, int]) -> None:
    assert Letterbox.fit(source, imgsz=640, stride=32).canvas == canvas


@given(height=SIDES, width=SIDES, rect=st.booleans())
def test_canvas_sides_are_multiples_of_the_stride_and_hold_the_picture(height: int, width: int, rect: bool) -> None:
    letterbox = Letterbox.fit((height, width), imgsz=640, stride=32, rect=rect)
    assert all(side % 32 == 0 and side <= 640 for side in letterbox.canvas)
    assert 0 <= letterbox.top <= letterbox.canvas[0] - letterbox.inner[0]
    assert 0 <= letterbox.left <= letterbox.canvas[1] - letterbox.inner[1]


@given(height=SIDES, width=SIDES)
def test_boxes_come_back_to_where_they_were(height: int, width: int) -> None:
    letterbox = Letterbox.fit((height, width), imgsz=640, stride=32)
    box = np.array([[0, 0, width, height], [width / 4, height / 4, width / 2, height / 2]], np.float32)
    gain = np.array([letterbox.inner[1] / width, letterbox.inner[0] / height] * 2, np.float32)
    there = box * gain + np.array([letterbox.left, letterbox.top] * 2, np.float32)
    assert np.allclose(letterbox.restore(there), box, atol=1e-2 * max(1.0, max(height, width) / 640))


@settings(max_examples=25, deadline=None)
@given(height=st.integers(20, 700), width=st.integers(20, 700), rect=st.booleans())
def test_it_draws_what_ultralytics_draws(ultralytics: Any, height: int, width: int, rect: bool) -> None:
    augment: Any = import_module("ultralytics.data.augment")
    picture = np.random.default_rng(height * 997 + width).integers(0, 256, (height, width, 3), np.uint8)
    expected = augment.LetterBox((320, 320), auto=rect, stride=32)(image=picture)
    letterbox = Letterbox.fit((height, width), imgsz=320, stride=32, rect=rect)
    canvas = np.zeros((*letterbox.canvas, 3), np.uint8)
    letterbox.draw(picture, canvas)
    assert np.array_equal(canvas, expected)


def test_drawing_a_narrow_picture_after_a_wide_one_leaves_nothing_of_the_wide_one() -> None:
    canvas = np.zeros((64, 64, 3), np.uint8)
    Letterbox.into((64, 64), (64, 64)).draw(np.full((64, 64, 3), 255, np.uint8), canvas)
    Letterbox.into((64, 32), (64, 64)).draw(np.zeros((64, 32, 3), np.uint8), canvas)
    assert np.unique(canvas[:, :16]).tolist() == [GREY]
    assert np.unique(canvas[:, 48:]).tolist() == [GREY]
    assert not canvas[:, 16:48].any()


def test_a_read_only_picture_can_be_drawn() -> None:
    picture = np.zeros((30, 40, 3), np.uint8)
    picture.flags.writeable = False
    letterbox = Letterbox.fit((30, 40), imgsz=64, stride=32)
    letterbox.draw(picture, np.zeros((*letterbox.canvas, 3), np.uint8))
