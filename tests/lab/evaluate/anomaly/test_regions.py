from math import inf, isnan

import numpy as np
import pytest

from lab.evaluate.anomaly.masks import regions_of
from lab.evaluate.anomaly.regions import Boxes, Region, area, found_regions

HERE = (0.1, 0.1, 0.3, 0.3)
THERE = (0.6, 0.6, 0.8, 0.8)


def said(*boxes: tuple[tuple[float, float, float, float], float]) -> Boxes:
    xyxy = np.array([box for box, _ in boxes], np.float64).reshape(-1, 4)
    return Boxes(xyxy, np.array([score for _, score in boxes], np.float64))


def test_what_is_found_before_any_false_alarm_is_perfect() -> None:
    found = found_regions({"a": [said((HERE, 2.0), (THERE, 1.0))]}, {"a": [Region(0, 1, HERE)]})
    assert (found.rbdc, found.tbdc, found.regions, found.tracks) == (1.0, 1.0, 1, 1)


def test_by_hand_two_regions_one_of_them_below_a_false_alarm() -> None:
    """Two frames. Threshold 3: one of two regions, no false alarm. 2: the same, half a false alarm a frame. 1: both
    regions, half. So the curve is (0, 0), (0, .5), (.5, .5), (.5, 1), and goes on level to (1, 1): area .75."""
    frames = [said((HERE, 3.0), (THERE, 2.0)), said((HERE, 1.0))]
    found = found_regions({"a": frames}, {"a": [Region(0, 1, HERE), Region(1, 1, HERE)]})
    assert found.rbdc == pytest.approx(0.75)
    assert found.tbdc == 1.0, "a tenth of two regions is one: the first tells"


def test_a_track_counts_once_a_tenth_of_it_is_found() -> None:
    truth = {"a": [Region(frame, 1, HERE) for frame in range(20)]}
    frames = [said((HERE, 5.0), (THERE, 3.0)), *[said((THERE, 3.0))] * 18, said((HERE, 2.0))]
    found = found_regions({"a": frames}, truth)
    assert found.tbdc == pytest.approx(0.05 / 2, abs=0.03), (
        "the second region that it takes comes after all false alarms"
    )
    assert found_regions({"a": frames}, truth, alpha=0.05).tbdc == 1.0


def test_a_box_that_hardly_overlaps_is_no_find_and_a_false_alarm() -> None:
    """Shifted so that a twelfth is shared: an overlap of 1/23."""
    shifted = (0.1 + 0.2 * 11 / 12, 0.1, 0.3 + 0.2 * 11 / 12, 0.3)
    found = found_regions({"a": [said((shifted, 2.0))]}, {"a": [Region(0, 1, HERE)]})
    assert found.rbdc == 0.0


def test_what_is_never_found_is_never_counted() -> None:
    assert area(np.array([-inf, 2.0]), np.array([1.0]), 1) == pytest.approx(0.5)
    assert isnan(area(np.zeros(0), np.array([1.0]), 1))


def test_false_alarms_beyond_one_a_frame_are_cut_off() -> None:
    """Nine false alarms a frame come before the find: on the way there, a ninth is reached at one."""
    boxes = said(*[(THERE, 2.0)] * 9, (HERE, 1.0))
    assert found_regions({"a": [boxes]}, {"a": [Region(0, 1, HERE)]}).rbdc == 0.0


def mask(*boxes: tuple[int, int, int, int]) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    drawn = np.zeros((100, 200), np.uint8)
    for left, top, right, bottom in boxes:
        drawn[top:bottom, left:right] = 255
    return drawn


def test_what_hangs_together_is_a_region_and_specks_are_none() -> None:
    (region,) = regions_of([mask((20, 10, 60, 30), (100, 50, 101, 51))])
    assert region == Region(0, 1, (0.1, 0.1, 0.3, 0.3))


def test_regions_that_overlap_from_frame_to_frame_are_a_track() -> None:
    frames = [mask((20, 10, 60, 30)), mask((30, 10, 70, 30), (150, 10, 160, 30)), mask((40, 10, 80, 30)), mask()]
    regions = regions_of([*frames, mask((40, 10, 80, 30))])
    assert [(region.frame, region.track) for region in regions] == [(0, 1), (1, 1), (1, 2), (2, 1), (4, 3)]


def test_two_that_merge_go_on_as_the_one_that_shares_more() -> None:
    regions = regions_of([mask((20, 10, 40, 30), (50, 10, 100, 30)), mask((20, 10, 100, 30))])
    assert [region.track for region in regions] == [1, 2, 2]
