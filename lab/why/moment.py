"""The moments of an event, numbered: the same numbers stand in the picture, in the chart and in the text."""

from dataclasses import dataclass

import numpy as np

from lab.why.course import Course
from lab.why.edge import steps
from stages.alert.verdict import claim_of

_SAME_S = 0.02
_OVER = {"end_of_stream": "video over", "evidence_lost": "camera away"}
"""What was over at its end, where it was not the condition."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, at a media time."""

    number: int
    seconds: float
    what: str
    place: tuple[float, float] | None
    """Where the object was then, as shares of the picture; None where the path does not say."""


def moments(course: Course) -> list[Moment]:
    """In order of time; those at one time are one."""
    start, end = course.start, course.end
    told = [(entry["time"], "first seen") for entry in start.why if entry.get("predicate") == "first_seen"]
    claim = claim_of(start)
    if claim is not None:
        told.append((claim["time"], "condition begins to hold"))
    told.append((start.media_time, "event raised"))
    if end is not None and not course.momentary:
        if course.over_s is not None:
            told.append((course.over_s, _OVER.get(end.ended, "condition over")))
        told.append((end.media_time, "event ended"))
    merged: list[tuple[float, list[str]]] = []
    for seconds, what in sorted(told, key=lambda each: each[0]):
        if merged and seconds - merged[-1][0] < _SAME_S:
            merged[-1][1].append(what)
        else:
            merged.append((seconds, [what]))
    return [
        Moment(number, seconds, ", ".join(whats), _place(course, seconds))
        for number, (seconds, whats) in enumerate(merged, start=1)
    ]


def _place(course: Course, seconds: float) -> tuple[float, float] | None:
    """Between the points of the path; not before its first nor after its last."""
    path = steps(course)
    if not path or not path[0][2] - _SAME_S <= seconds <= path[-1][2] + _SAME_S:
        return None
    times = [step[2] for step in path]
    x, y = (float(np.interp(seconds, times, [step[axis] for step in path])) for axis in (0, 1))
    return x, y
