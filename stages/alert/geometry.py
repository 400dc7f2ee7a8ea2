"""Plane geometry of zones and lines, over all objects of a frame at once.

Coordinates are shares of the picture: x to the right, y down, 0 to 1.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""float64 (n, 2), x and y."""
Values = npt.NDArray[np.float64]
"""float64 (n,)."""
Mask = npt.NDArray[np.bool_]
"""bool (n,)."""
Point = tuple[float, float]
_FEW = 48
"""Points times edges up to which a loop is faster than arrays are."""


class Polygon:
    """A closed simple polygon, convex or not; the last point joins the first."""

    def __init__(self, points: Sequence[Point]) -> None:
        """``points``: at least three corners, see ``check_polygon``."""
        start = np.asarray(points, np.float64)
        end = np.roll(start, -1, axis=0)
        self._x, self._y = start[:, 0], start[:, 1]
        self._end_y = end[:, 1]
        self._along = end - start
        rise = self._along[:, 1]
        self._slope = self._along[:, 0] / np.where(rise == 0, 1.0, rise)
        """Horizontal edges are never crossed by a horizontal ray: their slope is never used."""
        self._length2 = (self._along**2).sum(axis=1)
        self._edges = list(
            zip(self._x.tolist(), self._y.tolist(), self._end_y.tolist(), self._slope.tolist(), strict=True)
        )

    def contains(self, points: Points) -> Mask:
        """Which points lie inside, by the parity of edges that a ray to the right crosses."""
        if len(points) * len(self._edges) <= _FEW:
            return np.array([self._holds(x, y) for x, y in points.tolist()], np.bool_)
        x, y = points[:, :1], points[:, 1:]
        spans = (self._y > y) != (self._end_y > y)
        right = x < self._x + (y - self._y) * self._slope
        return np.asarray(np.logical_xor.reduce(spans & right, axis=1))

    def _holds(self, x: float, y: float) -> bool:
        """``contains`` of one point, by the same arithmetic."""
        inside = False
        for start_x, start_y, end_y, slope in self._edges:
            if (start_y > y) != (end_y > y) and x < start_x + (y - start_y) * slope:
                inside = not inside
        return inside

    def distance(self, points: Points) -> Values:
        """Distance of each point to the nearest edge, in shares of the picture, inside or out."""
        away = points[:, None, :] - np.stack([self._x, self._y], axis=1)
        share = np.clip((away * self._along).sum(axis=2) / self._length2, 0.0, 1.0)
        gap = away - share[..., None] * self._along
        return np.asarray(np.sqrt((gap**2).sum(axis=2)).min(axis=1))


class Area:
    """A zone, or the whole picture, with a margin against jitter at its edge."""

    def __init__(self, points: Sequence[Point] | None, *, margin: float) -> None:
        """``points``: corners of a simple polygon, None for the whole picture. ``margin``: shares of the picture."""
        self._polygon = None if points is None else Polygon(points)
        self._margin = margin

    def inside(self, points: Points, was_inside: Mask) -> Mask:
        """Which points are in the area; one that was in it stays until it is more than the margin outside."""
        if self._polygon is None:
            return np.ones(len(points), np.bool_)
        inside = self._polygon.contains(points)
        doubtful = was_inside & ~inside
        if doubtful.any():
            inside[doubtful] = self._polygon.distance(points[doubtful]) <= self._margin
        return inside


class Segment:
    """A line from a first to a second point, and what lies on its left and on its right.

    Walk along it from the first point to the second, as drawn on the picture: left is on your left hand. For a line
    drawn from the left edge of the picture to the right edge, left is the upper part and right is the lower part::

                   left
        first ───────────────► second
                   right
    """

    def __init__(self, first: Point, second: Point) -> None:
        self._first = np.asarray(first, np.float64)
        self._along = np.asarray(second, np.float64) - self._first
        self._length = float(np.hypot(*self._along))

    def offset(self, points: Points) -> Values:
        """Signed distance of each point to the endless line, in shares of the picture: right of it is positive."""
        away = points - self._first
        return np.asarray((self._along[0] * away[:, 1] - self._along[1] * away[:, 0]) / self._length)

    def position(self, points: Points) -> Values:
        """How far along the segment each point's foot lies: 0 at the first point, 1 at the second."""
        return np.asarray(((points - self._first) @ self._along) / self._length**2)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom), 0 to 1."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    area = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return wide * high / (area - wide * high)


def covered(one: Sequence[float], other: Sequence[float]) -> float:
    """Share of the first box (left, top, right, bottom) that lies in the second, 0 to 1."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    area = (one[2] - one[0]) * (one[3] - one[1])
    return wide * high / area if wide > 0 and high > 0 and area > 0 else 0.0


def shared(one: Sequence[float], other: Sequence[float]) -> float:
    """The part of the smaller box (left, top, right, bottom) that lies in the other, 0 to 1."""
    return max(covered(one, other), covered(other, one))


def check_points(points: Sequence[Point]) -> None:
    """Raise ``ValueError`` unless every coordinate is a share of the picture."""
    for number, (x, y) in enumerate(points, start=1):
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(
                f"point {number} is ({x:g}, {y:g}); coordinates are shares of the picture from 0 to 1 "
                "(divide pixels by its width and height)"
            )


def check_polygon(points: Sequence[Point]) -> None:
    """Raise ``ValueError`` unless the points are the corners of a simple polygon within the picture."""
    if len(points) < 3:
        raise ValueError(f"a zone needs at least 3 points, got {len(points)}")
    check_points(points)
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    for number, (start, end) in enumerate(edges, start=1):
        if start == end:
            where = "the last point repeats the first" if number == len(edges) else f"point {number + 1} repeats"
            raise ValueError(f"{where} ({start[0]:g}, {start[1]:g}): leave it out, the zone closes by itself")
    for one in range(len(edges)):
        for other in range(one + 1, len(edges)):
            neighbours = other - one == 1 or other - one == len(edges) - 1
            if _cross(*edges[one], *edges[other], neighbours=neighbours):
                raise ValueError(
                    f"the edge from point {one + 1} crosses the edge from point {other + 1}: "
                    "list the corners in order around the zone"
                )
    if abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)) / 2 < 1e-6:
        raise ValueError("the zone has no area")


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within(a: Point, b: Point, c: Point) -> bool:
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])


def _cross(a: Point, b: Point, c: Point, d: Point, *, neighbours: bool) -> bool:
    """Whether two edges meet; neighbours share one corner and may meet nowhere else."""
    if neighbours:
        shared = b if b in (c, d) else a
        ends = [p for p in (a, b, c, d) if p != shared]
        return len(ends) == 2 and _turn(shared, *ends) == 0 and _dot(shared, *ends) > 0
    turns = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    touching = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(turn == 0 and _within(*three) for turn, three in zip(turns, touching, strict=True))


def _dot(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[0] - a[0]) + (b[1] - a[1]) * (c[1] - a[1])
