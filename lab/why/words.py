"""The conditions of an event in plain words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.why.course import Course
from pipeline.messages import Event
from stages.alert.verdict import verdict

_WHAT = {
    "first_seen": "first seen",
    "class": "class",
    "age_s": "known for",
    "median_confidence": "median confidence",
    "held_s": "condition held for",
    "scheduled": "schedule armed",
    "repeated": "repeats an earlier event",
    "anchor_in_zone": "anchor in the zone",
    "crossed_line_to": "crossed the line to the",
    "seconds_in_zone": "time in the zone",
    "seconds_standing": "time standing still",
    "objects_in_zone": "objects in the zone",
    "degrees_off_the_wrong_way": "off the wrong way by",
    "seconds_outside": "condition gone for",
    "seconds_unseen": "not seen for",
    "end_of_stream": "the video ended",
    "evidence_lost": "the camera went away",
}
_LIMIT = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than", "==": "must be", "in": "one of"}
_UNITS = (("seconds_", " s"), ("degrees_", "°"), ("metres_", " m"))
_ENDINGS = (("_s", " s"), ("_mps", " m/s"), ("_m", " m"), ("_deg", "°"))


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a trace, to be read by people."""

    time: str
    what: str
    value: str
    limit: str
    option: str
    """The rule's option behind the limit, if the record names it."""
    holds: bool


def conditions(event: Event) -> Iterator[Condition]:
    """Each entry of the event's trace, in its order."""
    for entry, check in zip(event.why, verdict(event).checks, strict=False):
        predicate = str(entry.get("predicate", "?"))
        comparison, threshold = entry.get("comparison", ""), entry.get("threshold", "?")
        asks = f"{_LIMIT.get(comparison, comparison)} {shown(threshold, predicate)}"
        plain = comparison == "==" and threshold is True and entry.get("value") is True
        yield Condition(
            time=f"{entry['time']:.2f} s" if isinstance(entry.get("time"), int | float) else "",
            what=what(predicate) + (" at most" if entry.get("peak") and comparison in (">=", ">") else ""),
            value="" if predicate == "first_seen" else shown(entry.get("value", "?"), predicate),
            limit="" if plain else asks.strip(),
            option=str(entry.get("option", "")),
            holds=check.holds,
        )


def what(predicate: str) -> str:
    """A predicate in plain words."""
    if predicate.startswith("score_"):
        return f"score of {predicate.removeprefix('score_')}"
    return _WHAT.get(predicate, predicate.replace("_", " "))


def unit(predicate: str) -> str:
    """The unit that a predicate's name tells, with a space where one belongs; empty if none."""
    for start, name in _UNITS:
        if predicate.startswith(start):
            return name
    return next((name for ending, name in _ENDINGS if predicate.endswith(ending)), "")


def shown(value: Any, predicate: str = "") -> str:
    """A value with its unit: numbers in four figures, truth as yes and no."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value}{unit(predicate)}"
        case float():
            return f"{value:.4g}{unit(predicate)}"
        case list():
            return ", ".join(str(each) for each in value)
    return str(value)


def title(event: Event) -> str:
    """``loitering 'waiting on the square'``."""
    return event.rule if event.name == event.rule else f"{event.rule} {event.name!r}"


def clock(seconds: float) -> str:
    """Media time as ``0:23.00``, with hours where there are some."""
    minutes, rest = divmod(round(seconds, 2), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02}:{rest:05.2f}" if hours else f"{minutes}:{rest:05.2f}"


def story(course: Course) -> str:
    """When it started and how it ended, in one or two sentences."""
    start, end = course.start, course.end
    when = f"{clock(start.media_time)} (frame {start.frame}{f', {start.wall_time}' if start.wall_time else ''})"
    if course.momentary:
        return f"It happened at {when}; it is about a moment, so it started and ended at once."
    if end is None:
        return f"It started at {when}. Its end is not in these results."
    lasted = end.media_time - start.media_time
    return f"It started at {when} and ended at {clock(end.media_time)}, after {lasted:.1f} s: {_ENDED[end.ended]}."


_ENDED: Mapping[str, str] = {
    "left": "the condition was over",
    "lost": "its object was not seen any more",
    "end_of_stream": "the video was over before it was",
    "evidence_lost": "the camera went away",
    "momentary": "it was a moment",
    "": "for a reason that the record does not say",
}
