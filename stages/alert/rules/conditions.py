"""What can be wrong with a camera's picture, each judged from numbers: it is so, it is not, or it cannot be checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, sqrt
from typing import Any, Literal

import msgspec

from pipeline.clock import SECOND
from stages.alert.trace import Comparison

Condition = Literal["offline", "frozen", "black", "covered", "defocused", "moved", "dark", "clock_drift"]
CONDITIONS: tuple[Condition, ...] = (
    "offline",
    "frozen",
    "black",
    "covered",
    "defocused",
    "moved",
    "dark",
    "clock_drift",
)
"""In the order of their subjects: -1 is offline."""

_BLACK_SPREAD = 6.0
"""A black picture has nothing in it; a dark one may have lamps."""
_LEAST_COARSE = 5.0
_LEAST_FINE = 2.0
"""Baselines below these are of a picture in which there is too little to lose."""
_RESPONSE = 0.15
_KEPT = 0.15
"""Of a view that was moved so far that nothing overlaps, this share of the blocks is still alike by chance."""
_USUAL_S = 3.0
_TREMBLES_S = 5.0
"""A picture that repeats itself for longer than this while all is well has no noise to tell it from a frozen one."""
_REPEATS = 3.0
_FORGETS_S = 86_400.0
"""Time constant, over pictures that change, with which it is forgotten how long the picture once repeated itself."""
_ROOT = 1.2533
"""Root mean square of normal noise over its mean size: the root of half pi."""
_BASELINE_S = 60.0
_HEALTHY = 0.7
"""Above this share of their baselines, sharpness and structure are as usual, and teach them."""


class Limits(msgspec.Struct, frozen=True):
    """Where each condition begins."""

    frozen_s: float
    black: float
    dark: float
    covered: float
    defocused: float
    moved: float
    clock_drift_s: float
    learn_s: float


class Usual(msgspec.Struct):
    """What one camera's picture is like when all is well."""

    seen_s: float = 0.0
    fine: float = 0.0
    coarse: float = 0.0
    noise: float = 0.0
    repeats_s: float = 0.0
    """Longest time for which the picture repeated itself."""
    run_s: float = 0.0
    """For how long it has now."""
    last_ns: int = -1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one condition at one picture."""

    holds: bool | None
    """None: it cannot be checked."""
    predicate: str = ""
    value: float = 0.0
    comparison: Comparison = ">="
    threshold: float = 0.0
    reason: str = ""
    """Why it cannot be checked."""


def unknown(reason: str) -> Verdict:
    """It cannot be checked."""
    return Verdict(None, reason=reason)


def judge(said: Mapping[str, Any], usual: Usual, limits: Limits, drift_s: float | None) -> dict[Condition, Verdict]:
    """Every condition but ``offline`` of a picture, from what ``health`` measured of it."""
    mean = float(said["mean"])
    black = mean <= limits.black and said["spread"] <= _BLACK_SPREAD
    verdicts: dict[Condition, Verdict] = {
        "frozen": _frozen(said, usual, limits),
        "black": Verdict(black, "mean_grey", mean, "<=", limits.black),
        "dark": unknown("the picture is black") if black else _at_most("mean_grey", mean, limits.dark),
        "clock_drift": unknown("nothing tells the camera's own time") if drift_s is None else _drift(drift_s, limits),
    }
    if mean <= limits.dark:
        why = "the picture is black" if black else "the picture is dark"
        return verdicts | dict.fromkeys(("covered", "defocused", "moved"), unknown(why))
    learning = usual.seen_s < limits.learn_s
    if learning:
        why = "the usual picture is being learned"
        return verdicts | dict.fromkeys(("covered", "defocused", "moved"), unknown(why))
    verdicts["covered"] = covered = _covered(said, usual, limits)
    if covered.holds:
        return verdicts | dict.fromkeys(("defocused", "moved"), unknown("the camera is covered"))
    defocused = _defocused(said, usual, limits)
    moved = _moved(said, limits)
    if defocused.holds:
        moved = unknown("the picture is out of focus")
    elif moved.holds:
        defocused = unknown("the camera was moved")
    return verdicts | {"defocused": defocused, "moved": moved}


def teach(
    said: Mapping[str, Any], verdicts: Mapping[Condition, Verdict], usual: Usual, limits: Limits, now_ns: int
) -> None:
    """Let a picture with nothing wrong move the baselines."""
    elapsed_s = 0.0 if usual.last_ns < 0 else min((now_ns - usual.last_ns) / SECOND, 1.0)
    usual.last_ns = now_ns
    run_s, usual.run_s = usual.run_s, said["same_s"]
    wrong = any(verdicts[name].holds for name in ("frozen", "black", "covered", "defocused", "moved", "dark"))
    if wrong or (usual.seen_s and said["fine"] < _HEALTHY * usual.fine and said["coarse"] < _HEALTHY * usual.coarse):
        return
    if usual.seen_s == 0.0:
        usual.fine, usual.coarse, usual.noise = said["fine"], said["coarse"], said["noise"]
    rate = min(1.0, elapsed_s / max(min(usual.seen_s, _BASELINE_S), 1.0))
    usual.fine += rate * (said["fine"] - usual.fine)
    usual.coarse += rate * (said["coarse"] - usual.coarse)
    usual.noise += rate * (said["noise"] - usual.noise)
    _learn_repeats(said["same_s"], run_s, elapsed_s, usual, limits)
    usual.seen_s += elapsed_s


def _learn_repeats(same_s: float, run_s: float, elapsed_s: float, usual: Usual, limits: Limits) -> None:
    """For how long the picture repeats itself while all is well; ``run_s``: for how long it had at the last picture.

    A run that is still going on may be a picture that froze, unless that is all there ever was, and one that was
    called frozen was not well.
    """
    if usual.seen_s < limits.learn_s:
        usual.repeats_s = max(usual.repeats_s, same_s)
        return
    if same_s == 0.0:
        usual.repeats_s *= exp(-elapsed_s / _FORGETS_S)
    was_frozen = usual.repeats_s <= _TREMBLES_S and run_s >= _frozen_from(usual, limits)
    if same_s < run_s and not was_frozen:
        # how much longer than _TREMBLES_S is all the same, and the sooner forgotten
        usual.repeats_s = max(usual.repeats_s, min(run_s, 2 * _TREMBLES_S))


def _at_most(predicate: str, value: float, limit: float) -> Verdict:
    return Verdict(value <= limit, predicate, value, "<=", limit)


def _drift(drift_s: float, limits: Limits) -> Verdict:
    off = abs(drift_s)
    return Verdict(off >= limits.clock_drift_s, "seconds_off", off, ">=", limits.clock_drift_s)


def _frozen(said: Mapping[str, Any], usual: Usual, limits: Limits) -> Verdict:
    if usual.seen_s < limits.learn_s:
        return unknown("the usual picture is being learned")
    if usual.repeats_s > _TREMBLES_S:
        return unknown("the picture has no noise: it often repeats itself")
    limit = _frozen_from(usual, limits)
    return Verdict(said["same_s"] >= limit, "seconds_unchanged", said["same_s"], ">=", round(limit, 3))


def _frozen_from(usual: Usual, limits: Limits) -> float:
    """Seconds without change from which on a picture is frozen."""
    return max(limits.frozen_s, _REPEATS * usual.repeats_s)


def _covered(said: Mapping[str, Any], usual: Usual, limits: Limits) -> Verdict:
    if usual.coarse < _LEAST_COARSE:
        return unknown("the usual picture has no structure to lose")
    return _at_most("structure_share", round(said["coarse"] / usual.coarse, 4), limits.covered)


def _defocused(said: Mapping[str, Any], usual: Usual, limits: Limits) -> Verdict:
    noise = min(said["noise"], usual.noise)
    fine = _without(said["fine"], noise)
    before = _without(usual.fine, usual.noise)
    if before < _LEAST_FINE:
        return unknown("the usual picture has no sharp edges to lose")
    share = round(fine / before / min(1.0, said["coarse"] / max(usual.coarse, 1e-6)), 4)
    return _at_most("sharpness_share", share, limits.defocused)


def _without(value: float, noise: float) -> float:
    """A change between columns, less what noise adds to it: as much as it changes a picture from frame to frame."""
    return sqrt(max(0.0, value * value - (_ROOT * noise) ** 2))


def _moved(said: Mapping[str, Any], limits: Limits) -> Verdict:
    if said["usual_s"] < _USUAL_S:
        return unknown("the usual view is being learned")
    if said["kept"] is None:
        return unknown("the usual view has no texture to know it by")
    shift = max(abs(part) for part in said["shift"])
    if said["response"] >= _RESPONSE and shift >= limits.moved:
        return Verdict(True, "shift_share", shift, ">=", limits.moved)
    if said["kept"] <= _KEPT:
        return Verdict(True, "view_kept_share", said["kept"], "<=", _KEPT)
    return Verdict(False, "shift_share", shift, ">=", limits.moved)
