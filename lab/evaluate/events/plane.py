"""Plane geometry of the truth: written apart from that of the rules, so that neither can hide the other's faults."""

from collections.abc import Sequence
from math import atan2, hypot, inf, pi

Point = tuple[float, float]


def surrounds(corners: Sequence[Point], point: Point) -> bool:
    """Whether a simple polygon surrounds a point: the corners, as seen from it, turn once round."""
    x, y = point
    turned = 0.0
    bearings = [atan2(b - y, a - x) for a, b in corners]
    for one, other in zip(bearings, [*bearings[1:], bearings[0]], strict=True):
        turned += (other - one + pi) % (2 * pi) - pi
    return abs(turned) > pi


def gap(corners: Sequence[Point], point: Point) -> float:
    """Distance of a point to the nearest edge of a polygon."""
    nearest = inf
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        length = hypot(bx - ax, by - ay)
        ux, uy = (bx - ax) / length, (by - ay) / length
        along = min(max((point[0] - ax) * ux + (point[1] - ay) * uy, 0.0), length)
        nearest = min(nearest, hypot(point[0] - ax - along * ux, point[1] - ay - along * uy))
    return nearest


def stays(corners: Sequence[Point] | None, way: Sequence[Point | None], margin: float) -> list[bool]:
    """At each point of a way whether it is in a zone (None: the whole picture), where one that is in it stays so until
    it is more than ``margin`` outside. Where nobody is there (None) nobody is in it."""
    inside, found = False, []
    for point in way:
        if point is None:
            found.append(False)
            continue
        inside = corners is None or surrounds(corners, point) or (inside and gap(corners, point) <= margin)
        found.append(inside)
    return found


def side(line: tuple[Point, Point], point: Point) -> float:
    """Distance to the endless line through two points, in shares of the picture; positive on the right hand of one who
    walks from the first to the second on a picture whose y points down."""
    (ax, ay), (bx, by) = line
    return ((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)) / hypot(bx - ax, by - ay)


def meets(line: tuple[Point, Point], start: Point, end: Point) -> bool:
    """Whether the way from ``start`` to ``end`` leads through a segment: the ends of each lie on both sides of the
    other."""
    through = (side(line, start) < 0) != (side(line, end) < 0)
    return through and side((start, end), line[0]) * side((start, end), line[1]) <= 0
