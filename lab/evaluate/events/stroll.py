"""Random zones and walks."""

from collections.abc import Sequence
from math import cos, pi, sin
from random import Random

from lab.evaluate.events.plane import Point
from pipeline.testing import Walk
from stages.alert.geometry import overlap

EDGE = 0.25
"""Walks keep their feet this far from the upper edge and their boxes within the picture."""


def zone(random: Random, *, least: float = 0.1, most: float = 0.28) -> list[Point]:
    """A simple polygon about a middle, convex or not; ``least`` and ``most`` are distances of its corners."""
    x, y = random.uniform(0.35, 0.65), random.uniform(0.45, 0.65)
    count = random.randint(3, 8)
    first = random.uniform(0, 2 * pi)
    spokes = [first + 2 * pi * (number + random.uniform(0.1, 0.9)) / count for number in range(count)]
    reach = [random.uniform(least, most) for _ in spokes]
    return [(_share(x + r * cos(angle)), _share(y + r * sin(angle))) for angle, r in zip(spokes, reach, strict=True)]


def place(random: Random) -> Point:
    """Somewhere for feet."""
    return random.uniform(0.05, 0.95), random.uniform(EDGE, 0.98)


def stroll(
    random: Random,
    *,
    track: int,
    start: float,
    stops: int,
    legs: tuple[float, float] = (1.0, 6.0),
    places: Sequence[Point] = (),
    width: float = 0.05,
    height: float = 0.2,
    class_id: int = 0,
) -> Walk:
    """A walk of so many stops from ``start`` on; ``legs``: shortest and longest in seconds; ``places``: its first
    stops, the others are drawn."""
    time, made = start, []
    for number in range(stops):
        x, y = places[number] if number < len(places) else place(random)
        made.append((round(time, 3), x, y))
        time += random.uniform(*legs)
    return Walk(stops=made, track=track, width=width, height=height, class_id=class_id)


def strangers(walks: Sequence[Walk], *, within_s: float = 4.0) -> bool:
    """Whether nobody appears where another has just vanished: such a one would rightly be taken for the other."""
    for late in walks:
        begin, *first = late.stops[0]
        for early in walks:
            end, *last = early.stops[-1]
            if late is not early and 0 <= begin - end <= within_s and overlap(_box(late, first), _box(early, last)) > 0:
                return False
    return True


def _share(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 3)


def _box(walk: Walk, feet: Sequence[float]) -> tuple[float, float, float, float]:
    x, y = feet
    return (x - walk.width / 2, y - walk.height, x + walk.width / 2, y)
