import numpy as np
import pytest

from pipeline.errors import CannotStart
from pipeline.messages import Frame
from pipeline.stage import Plane, View
from stages.detect.motion import MotionDetector, MotionOptions

HEIGHT, WIDTH = 144, 192


def view(aux: Plane | None) -> View:
    return View(Frame("gate", 0, 0, 0), np.zeros((HEIGHT * 4, WIDTH * 4, 3), np.uint8), aux)


def plane(*boxes: tuple[int, int, int, int]) -> Plane:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = 255
    return mask


def boxes(*parts: tuple[int, int, int, int], options: MotionOptions | None = None) -> list[tuple[int, ...]]:
    found = MotionDetector(options or MotionOptions()).process([view(plane(*parts))])[0]
    return sorted(tuple(box) for box in found.xyxy.astype(int).tolist())


def test_a_moving_thing_has_one_box_in_pixels_of_the_frame() -> None:
    assert boxes((20, 30, 30, 55)) == [(80, 120, 120, 220)]


def test_head_and_legs_that_something_cuts_apart_are_one_person() -> None:
    assert boxes((20, 30, 30, 40), (21, 44, 31, 60)) == [(80, 120, 124, 240)]


def test_people_who_touch_side_by_side_are_two() -> None:
    left, right = (20, 30, 30, 60), (34, 32, 44, 62)
    assert boxes(left, right, (29, 44, 35, 50)) == [(80, 120, 128, 240), (128, 128, 176, 248)]


def test_a_car_is_not_cut_in_two() -> None:
    assert len(boxes((20, 60, 80, 80), (35, 52, 65, 60))) == 1


def test_legs_apart_do_not_cut_a_walker() -> None:
    assert len(boxes((22, 20, 30, 45), (18, 45, 23, 60), (29, 45, 34, 60))) == 1


def test_specks_and_a_change_of_the_whole_picture_are_no_objects() -> None:
    assert boxes((20, 30, 22, 33), (90, 90, 91, 91)) == []
    assert boxes((0, 0, WIDTH, HEIGHT)) == []
    assert len(boxes((20, 30, 22, 33), options=MotionOptions(min_area=0.0001))) == 1


def test_a_larger_and_fuller_shape_is_more_certain() -> None:
    detector = MotionDetector(MotionOptions())
    small, large = (detector.process([view(plane(box))])[0] for box in ((20, 30, 24, 36), (20, 30, 40, 80)))
    assert 0.3 <= small.confidence[0] < large.confidence[0] <= 0.95
    assert detector.names == ["object"]
    assert small.class_id.tolist() == [0]


def test_a_frame_has_the_same_boxes_alone_and_in_a_batch_of_noise() -> None:
    rng = np.random.default_rng(0)
    noise = [np.asarray(255 * (rng.random((HEIGHT, WIDTH)) > 0.7), np.uint8) for _ in range(4)]
    detector = MotionDetector(MotionOptions())
    together = detector.process([view(mask) for mask in noise])
    alone = [detector.process([view(mask)])[0] for mask in reversed(noise)][::-1]
    assert [found.pack() for found in together] == [found.pack() for found in alone]


def test_the_model_is_named_by_its_options() -> None:
    first, same, other = (MotionDetector(MotionOptions(min_area=area)) for area in (0.001, 0.001, 0.002))
    assert first.model == same.model
    assert first.engine == same.engine != other.engine
    assert first.model["sha256"] != other.model["sha256"]


def test_a_missing_mask_says_which_camera_lacks_it() -> None:
    with pytest.raises(CannotStart, match="camera gate: the motion detector got no foreground mask"):
        MotionDetector(MotionOptions()).process([view(None)])
