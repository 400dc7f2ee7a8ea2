import threading

import numpy as np
import pytest

from pipeline.stage import Picture
from stages.detect.drawing import Drawing
from stages.detect.letterbox import Letterbox


def pictures(count: int) -> list[Picture]:
    random = np.random.default_rng(5)
    return [random.integers(0, 256, (60 + number, 90, 3), np.uint8) for number in range(count)]


def letterboxes(pictures: list[Picture]) -> list[Letterbox]:
    return [Letterbox.into((picture.shape[0], picture.shape[1]), (64, 96)) for picture in pictures]


@pytest.mark.parametrize("count", [1, 3, 8])
def test_many_hands_draw_what_one_draws(count: int) -> None:
    some = pictures(count)
    canvases = [np.zeros((8, 64, 96, 3), np.uint8) for _ in range(2)]
    for canvas, threads in zip(canvases, (1, 4), strict=True):
        Drawing(threads=threads, batch=8).draw(canvas, letterboxes(some), some)
    assert canvases[0][:count].any()
    assert np.array_equal(canvases[0], canvases[1])


@pytest.mark.parametrize("place", [0, 1, 5])
def test_a_picture_of_another_kind_is_refused_whoever_draws_it(place: int) -> None:
    some = pictures(6)
    boxes = letterboxes(some)
    some[place] = some[place].astype(np.float32)
    with pytest.raises(ValueError, match="picture must be uint8"):
        Drawing(threads=3, batch=8).draw(np.zeros((8, 64, 96, 3), np.uint8), boxes, some)


def test_one_hand_needs_no_threads() -> None:
    before = threading.active_count()
    drawing = Drawing(threads=4, batch=1)
    drawing.draw(np.zeros((1, 64, 96, 3), np.uint8), letterboxes(pictures(1)), pictures(1))
    assert threading.active_count() == before
