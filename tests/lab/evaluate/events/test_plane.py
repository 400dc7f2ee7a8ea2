from random import Random

import numpy as np
import pytest

from lab.evaluate.events.plane import gap, meets, side, stays, surrounds
from lab.evaluate.events.stroll import zone
from stages.alert.geometry import Polygon, check_polygon

L_SHAPE = [(0.0, 0.0), (0.6, 0.0), (0.6, 0.3), (0.3, 0.3), (0.3, 0.6), (0.0, 0.6)]


@pytest.mark.parametrize(("point", "inside"), [((0.1, 0.5), True), ((0.5, 0.1), True), ((0.5, 0.5), False)])
def test_a_corner_that_is_cut_out_is_outside(point: tuple[float, float], inside: bool) -> None:
    assert surrounds(L_SHAPE, point) is inside
    assert surrounds(L_SHAPE[::-1], point) is inside


def test_two_independent_geometries_agree_on_random_zones() -> None:
    random = Random(1)
    for _ in range(100):
        corners = zone(random)
        check_polygon(tuple(corners))
        points = np.array([(random.random(), random.random()) for _ in range(50)])
        theirs = Polygon(corners)
        assert theirs.contains(points).tolist() == [surrounds(corners, (x, y)) for x, y in points.tolist()]
        assert theirs.distance(points) == pytest.approx([gap(corners, (x, y)) for x, y in points.tolist()])


def test_who_is_in_stays_in_within_the_margin() -> None:
    square = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
    way = [(0.1, 0.5), (0.195, 0.5), (0.3, 0.5), (0.195, 0.5), (0.18, 0.5), None]
    assert stays(square, way, 0.01) == [False, False, True, True, False, False]
    assert stays(None, way, 0.01) == [True] * 5 + [False]


def test_right_of_a_line_from_left_to_right_is_below_it() -> None:
    line = ((0.2, 0.5), (0.8, 0.5))
    assert side(line, (0.5, 0.6)) == pytest.approx(0.1)
    assert meets(line, (0.5, 0.4), (0.5, 0.6))
    assert not meets(line, (0.9, 0.4), (0.9, 0.6))
    assert not meets(line, (0.5, 0.4), (0.5, 0.45))
