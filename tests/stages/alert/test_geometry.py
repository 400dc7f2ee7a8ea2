import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.alert.geometry import Polygon, Segment, check_polygon, overlap

share = st.floats(0, 1)


@settings(max_examples=200, deadline=None)
@given(st.integers(3, 12), st.lists(st.tuples(share, share), min_size=1, max_size=20), st.integers(0, 999))
def test_inside_a_star_shaped_zone_is_where_its_radius_says(
    corners: int, points: list[tuple[float, float]], seed: int
) -> None:
    random = np.random.default_rng(seed)
    radius = random.uniform(0.1, 0.45, corners)
    angle = np.arange(corners) * 2 * math.pi / corners
    zone = [(0.5 + r * math.cos(a), 0.5 + r * math.sin(a)) for r, a in zip(radius, angle, strict=True)]
    if corners > 3:
        check_polygon(zone)
    polygon = Polygon(zone)
    inside = polygon.contains(np.array(points))
    near = polygon.distance(np.array(points))
    for (x, y), said, distance in zip(points, inside, near, strict=True):
        if distance > 1e-9:
            turns = 0.0
            for (ax, ay), (bx, by) in zip(zone, [*zone[1:], zone[0]], strict=True):
                a, b = math.atan2(ay - y, ax - x), math.atan2(by - y, bx - x)
                turns += (b - a + math.pi) % (2 * math.pi) - math.pi
            assert said == (abs(turns) > math.pi)


def test_left_and_right_are_those_of_a_walker_along_the_line() -> None:
    over = Segment((0.2, 0.5), (0.8, 0.5))
    assert over.offset(np.array([[0.5, 0.6], [0.5, 0.4]])) == pytest.approx([0.1, -0.1])
    assert over.position(np.array([[0.2, 0.9], [0.8, 0.1]])) == pytest.approx([0, 1])


@pytest.mark.parametrize(
    "zone",
    [
        [(0, 0), (1, 0), (1, 1), (0, 1)],
        [(0, 0), (0.5, 0), (1, 0), (1, 1), (0, 1)],
        [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.2), (0.1, 0.9)],
    ],
)
def test_simple_zones_pass(zone: list[tuple[float, float]]) -> None:
    check_polygon(zone)


def test_overlap_of_boxes_is_intersection_over_union() -> None:
    assert overlap((0, 0, 2, 1), (1, 0, 3, 1)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (1, 0, 2, 1)) == 0
