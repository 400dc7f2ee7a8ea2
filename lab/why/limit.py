"""How far each limit of an event would have had to be elsewhere: the end says how far each condition went."""

from collections.abc import Iterator, Mapping
from math import ceil, floor, log10
from typing import Any, TypeGuard

from lab.why.course import Course
from lab.why.prevention import LATER, Prevention
from lab.why.settable import settable
from lab.why.words import shown, what
from pipeline.messages import Event
from stages.alert.verdict import OWN, claim_of

_OPTIONS = {"age_s": "min_age_s", "median_confidence": "min_confidence", "held_s": "enter_inertia_s"}
"""The options behind the stage's own conditions."""
_DERIVED = {"false_alarms_per_day": "threshold"}
"""Options that a limit was made from, and the option that would set that limit itself."""
_TOLERANCE = 1e-9


def limits(course: Course) -> Iterator[Prevention]:
    """For each condition of the start with an order, the limit that it would not have met."""
    start, end = course.start, course.end
    claim = claim_of(start)
    peaks = {entry["predicate"]: entry for entry in (end.why if end else []) if entry.get("peak")}
    for entry in start.why:
        value, threshold = entry.get("value"), entry.get("threshold")
        if not (_number(value) and _number(threshold)) or entry.get("comparison") not in (">=", ">", "<=", "<"):
            continue
        furthest, doubt, basis = _furthest(entry, course, peaks, is_claim=entry is claim)
        option = _option(entry, start)
        needs = beyond(furthest, entry["comparison"], whole=isinstance(furthest, int) and isinstance(threshold, int))
        if not option or not settable(start.rule, option, needs):
            continue
        yield Prevention(option, threshold, needs, basis, doubt, _share(threshold, needs))


def _furthest(
    entry: Mapping[str, Any], course: Course, peaks: Mapping[str, Any], *, is_claim: bool
) -> tuple[float, str, str]:
    """How far the condition went, why it may have gone further, and the same in words."""
    predicate, value = entry["predicate"], entry["value"]
    over = course.over_s
    if predicate in peaks:
        peak = peaks[predicate]
        words = "at most" if entry["comparison"] in (">=", ">") else "at least"
        most = shown(peak["value"], predicate)
        return peak["value"], "", f"{what(predicate)}: {words} {most}, at {peak['time']:g} s"
    if predicate in ("held_s", "age_s") and over is not None:
        lasted = value + over - course.start.media_time
        return lasted, "", f"{what(predicate)}: {lasted:.1f} s in all"
    at_once = course.momentary and not is_claim and predicate not in ("held_s", "age_s")
    return value, "" if at_once else LATER, f"{what(predicate)}: {shown(value, predicate)} then"


def beyond(value: float, comparison: str, *, whole: bool) -> float:
    """The nearest limit in round figures that the value does not meet."""
    up, equal_will_do = comparison in (">=", ">"), comparison in (">", "<")
    if whole:
        return value if equal_will_do else value + (1 if up else -1)
    size = abs(value)
    step = 0.1 if size >= 1 else 0.01 if size >= 0.1 or size == 0 else 10.0 ** (floor(log10(size)) - 1)
    steps = value / step
    near = ceil(steps - _TOLERANCE) if up else floor(steps + _TOLERANCE)
    if not equal_will_do and abs(near - steps) <= _TOLERANCE * max(1.0, abs(steps)) * 10:
        near += 1 if up else -1
    return round(near * step, 12)


def _option(entry: Mapping[str, Any], start: Event) -> str:
    """What one would set; empty where the record names no option."""
    predicate = str(entry["predicate"])
    if "option" in entry:
        return _DERIVED.get(entry["option"], str(entry["option"]))
    if predicate in OWN:
        return _OPTIONS.get(predicate, predicate)
    if predicate.startswith("score_") and start.rule != "behaviour":
        return f"behaviour.{predicate.removeprefix('score_')}"
    return ""


def _share(was: float, needs: float) -> float:
    larger = max(abs(was), abs(needs))
    return abs(needs - was) / larger if larger else 0.0


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
