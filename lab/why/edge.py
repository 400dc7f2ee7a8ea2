"""How far the edge of a zone, or a line, would have had to be from where it is: read from the path of the object."""

from collections.abc import Iterator
from math import ceil, sqrt

import numpy as np

from lab.why.course import Course
from lab.why.prevention import LATER, THINNED, Prevention
from lab.why.settable import settable
from stages.alert.geometry import Polygon, Segment

Step = tuple[float, float, float]
"""x and y as shares of the picture, media time in seconds."""
_MILLI = 1000


def edges(course: Course) -> Iterator[Prevention]:
    """The zone made smaller on all sides, or the line moved on, if they are the rule's own and not a part's."""
    region = course.start.region
    path = [step for step in steps(course) if course.over_s is None or step[2] <= course.over_s]
    if not path:
        return
    rule = course.start.rule
    if len(region.get("zone", [])) > 2 and "line" not in region and settable(rule, "zone", 1):
        yield from _zone(course, region["zone"], path)
    elif len(region.get("line", [])) == 2 and "zone" not in region and course.momentary and settable(rule, "line", 1):
        yield from _line(course, region["line"], path)


def steps(course: Course) -> list[Step]:
    """The path that all messages together tell, each point once, in order of time."""
    told = {step[2]: step for message in course.messages if message.object for step in message.object.path}
    return [told[time] for time in sorted(told)]


def whole(course: Course) -> bool:
    """Whether the path has every detection, as the score histories show: a long one is thinned."""
    times = {step[2] for step in steps(course)}
    return all(time in times for message in course.messages for time, _score in message.score_history)


def _zone(course: Course, corners: list[tuple[float, float]], path: list[Step]) -> Iterator[Prevention]:
    points, zone = np.array([step[:2] for step in path]), Polygon(corners)
    depth = float(np.where(zone.contains(points), zone.distance(points), 0.0).max())
    if depth <= 0:
        return
    across = sqrt(_area(corners))
    basis = f"it came {depth:.1%} of the picture into it"
    doubt = LATER if course.over_s is None else "" if whole(course) else THINNED
    yield Prevention("zone", 0.0, _up(depth), basis, doubt, min(_up(depth) / across, 1.0))


def _line(course: Course, ends: list[tuple[float, float]], path: list[Step]) -> Iterator[Prevention]:
    here = np.array([path[-1][:2]])
    line = Segment((ends[0][0], ends[0][1]), (ends[1][0], ends[1][1]))
    past = abs(float(line.offset(here)[0]))
    yield Prevention("line", 0.0, _up(past), f"it was {past:.1%} past it then", LATER, min(_up(past), 1.0))


def _up(share: float) -> float:
    """A little more, in tenths of a per cent."""
    return (ceil(share * _MILLI - 1e-9) + 1) / _MILLI


def _area(corners: list[tuple[float, float]]) -> float:
    """Of a polygon, by the shoelace formula."""
    x, y = np.array(corners, np.float64).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
