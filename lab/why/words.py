"""The conditions of an event in plain words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.why.course import Course
from pipeline.messages import Event
from stages.alert.verdict import claim_of, compared

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
    "metres_per_s": "speed",
    "heights_per_s": "speed",
    "metres_apart": "distance",
    "heights_apart": "distance",
    "seconds_unattended": "left alone for",
    "seconds_gone": "gone from its place for",
    "seconds_lying_still": "lying still for",
    "seconds_behind_another": "behind another by",
    "seconds_unchanged": "picture unchanged for",
    "seconds_off": "clock off by",
    "parts_that_hold": "parts that hold",
    "parts_in_order": "parts in order",
    "surprise": "surprise score",
    "seconds_outside": "condition gone for",
    "seconds_unseen": "not seen for",
    "end_of_stream": "the video ended",
    "evidence_lost": "the camera went away",
}
_LIMIT = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than", "==": "must be", "in": "one of"}
_UNITS = (
    ("metres_per_s", " m/s"),
    ("heights_per_s", " heights/s"),
    ("seconds_", " s"),
    ("degrees_", "°"),
    ("metres_", " m"),
    ("heights_", " heights"),
)
_ENDINGS = (("_s", " s"), ("_mps", " m/s"), ("_m", " m"), ("_deg", "°"))
_FACTS = {"p": "share of normal time with such a score", "extrapolated": "limit beyond what normal time showed"}
_COMPARED = (
    "time",
    "predicate",
    "value",
    "comparison",
    "threshold",
    "option",
    "parts",
    "features",
    "normal",
    "nearest",
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a trace, to be read by people."""

    time: str
    what: str
    value: str
    limit: str
    option: str
    """The rule's option behind the limit, if the record names it."""
    fault: str
    """``does not hold`` or ``cannot be compared``; empty if it holds."""

    @property
    def holds(self) -> bool:
        """Whether the value stands to its threshold as it must."""
        return not self.fault


def conditions(event: Event) -> Iterator[Condition]:
    """Each entry of the event's trace, in its order."""
    for entry in event.why:
        yield _condition(entry)
        parts = entry.get("parts", [])
        for part in parts if isinstance(parts, list | tuple) else []:
            told = part if isinstance(part, Mapping) else {"predicate": "no entry of a trace", "value": part}
            yield _condition(told, of=f"{told.get('name') or told.get('rule') or 'part'}: ")


def facts(event: Event) -> Iterator[tuple[str, str]]:
    """What else its rule tells of a start, beside what was compared."""
    for name, value in (claim_of(event) or {}).items():
        if name not in _COMPARED and value not in ("", None):
            yield _FACTS.get(name, name.replace("_", " ")), shown(value, name)


def _condition(entry: Mapping[str, Any], *, of: str = "") -> Condition:
    predicate = str(entry.get("predicate", "?"))
    comparison, threshold = entry.get("comparison", ""), entry.get("threshold", "?")
    asks = f"{_LIMIT.get(comparison, comparison)} {shown(threshold, predicate)}"
    plain = comparison == "==" and threshold is True and entry.get("value") is True
    return Condition(
        time=f"{entry['time']:.2f} s" if isinstance(entry.get("time"), int | float) else "",
        what=of + what(predicate) + (" at most" if entry.get("peak") and comparison in (">=", ">") else ""),
        value="" if predicate == "first_seen" else shown(entry.get("value", "?"), predicate),
        limit="" if plain else asks.strip(),
        option=str(entry.get("option", "")),
        fault="" if compared(entry).holds else "does not hold" if "comparison" in entry else "cannot be compared",
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
        case list() | tuple():
            return ", ".join(shown(each) for each in value)
        case dict():
            return ", ".join(f"{name} {shown(each)}" for name, each in value.items())
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
