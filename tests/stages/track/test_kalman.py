"""The filter against what can be worked out by hand or by matrices."""

import numpy as np
import pytest

from stages.track import kalman


def sample() -> kalman.Floats:
    boxes = np.array([[100.0, 200.0, 40.0, 100.0], [300.0, 100.0, 90.0, 60.0]])
    state = kalman.begin(boxes, kalman.variance(boxes, np.array([0.9, 0.5])))
    state[:, kalman.SPEED] = [[60, -10, 1, 2], [-30, 5, 0, 0]]
    return state


def test_corners_and_centres_are_inverse() -> None:
    xyxy = np.array([[10.0, 20.0, 50.0, 120.0]])
    np.testing.assert_allclose(kalman.to_corners(kalman.to_centre(xyxy)), xyxy)


def test_a_box_without_extent_gets_one_pixel() -> None:
    assert kalman.to_centre(np.array([[10.0, 20.0, 10.0, 15.0]]))[0, 2:].tolist() == [1.0, 1.0]


def test_two_short_predictions_make_one_long() -> None:
    state = sample()
    state[:, kalman.SPEED, 2:] = 0
    twice = kalman.predict(kalman.predict(state, 0.3), 0.5)
    np.testing.assert_allclose(twice, kalman.predict(state, 0.8), rtol=1e-9, atol=1e-9)


def test_no_time_changes_nothing() -> None:
    np.testing.assert_allclose(kalman.predict(sample(), 0.0), sample())


def test_an_unseen_object_slows_down_and_stops() -> None:
    travelled = kalman.predict(sample(), 1000.0)[0, kalman.PLACE, 0] - 100
    assert travelled == pytest.approx(60 * kalman.MEMORY_S)


def test_the_update_is_the_textbook_one() -> None:
    state = kalman.predict(sample(), 0.4)
    boxes, error = state[:, kalman.PLACE] + 3.0, np.full((2, 4), 7.0)
    ours = kalman.update(state, boxes, error)
    for track in range(2):
        for side in range(4):
            place, speed, var_place, cov, var_speed = state[track, :, side]
            covariance = np.array([[var_place, cov], [cov, var_speed]])
            gain = covariance @ np.array([1.0, 0.0]) / (var_place + 7.0)
            mean = np.array([place, speed]) + gain * 3.0
            after = covariance - np.outer(gain, covariance[0])
            expected = [*mean, after[0, 0], after[0, 1], after[1, 1]]
            np.testing.assert_allclose(ours[track, :, side], expected, rtol=1e-9)


def test_a_doubtful_detection_moves_a_track_less() -> None:
    boxes = np.array([[110.0, 200.0, 40.0, 100.0]])
    state = kalman.predict(sample()[:1], 0.1)
    sure, doubtful = (kalman.update(state, boxes, kalman.variance(boxes, np.array([c]))) for c in (0.95, 0.2))
    assert abs(sure[0, 0, 0] - 110) < abs(doubtful[0, 0, 0] - 110)
