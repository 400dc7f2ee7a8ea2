"""The course of an event over time: how sure the detector was, how the claim's value went, and the limits of both."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lab.report.charts import COLOURS, STYLE
from lab.report.stylesheet import INK
from lab.why.course import Course
from lab.why.moment import Moment
from lab.why.words import unit, what
from stages.alert.verdict import claim_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SCORE, _VALUE, _LIMIT, _OPEN = COLOURS[0], COLOURS[2], COLOURS[1], COLOURS[5]
_AIR = 0.04


def chart(course: Course, moments: list[Moment], *, width: float = 7.0) -> "Figure":
    """A figure of its own."""
    import matplotlib
    from matplotlib.figure import Figure

    panels = panels_of(course)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, 0.6 + 2.2 * panels), layout="constrained")
        draw(list(figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]), course, moments)
    return figure


def panels_of(course: Course) -> int:
    """How many axes ``draw`` wants: one more where the claim is a number."""
    return 1 + bool(_values(course)) if _scores(course) else 1


def draw(axes: "list[Axes]", course: Course, moments: list[Moment]) -> None:
    """Draw on axes one above the other, as many as ``panels_of`` says."""
    scores, values = _scores(course), _values(course)
    panels = iter(axes)
    if scores:
        _draw_scores(next(panels), course, scores)
    if values or not scores:
        _draw_values(next(panels), course, values)
    for number, each in enumerate(axes):
        _draw_moments(each, course, moments, numbered=number == 0)
    axes[-1].set_xlabel("media time, s")


def _scores(course: Course) -> list[tuple[float, float]]:
    return sorted({(time, score) for message in course.messages for time, score in message.score_history})


def _values(course: Course) -> list[tuple[float, float]]:
    """The claim's value as the messages tell it: at the start, at updates, at its peak."""
    claim = claim_of(course.start)
    if claim is None or not _number(claim.get("value")) or not _number(claim.get("threshold")):
        return []
    told = {course.start.media_time: float(claim["value"])}
    for message in course.messages:
        for entry in message.why if message.type != "start" else []:
            if entry.get("predicate") == claim["predicate"] and _number(entry.get("value")):
                told[entry["time"]] = float(entry["value"])
    return sorted(told.items())


def _draw_scores(axes: "Axes", course: Course, scores: list[tuple[float, float]]) -> None:
    for run in _runs(scores):
        axes.plot(*zip(*run, strict=True), color=_SCORE, marker=".", markersize=5, linewidth=1.2)
    least = next((entry for entry in course.start.why if entry.get("predicate") == "median_confidence"), None)
    if least is not None and _number(least.get("threshold")):
        _limit(axes, least["threshold"], "min_confidence")
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("confidence", fontsize=9)


def _draw_values(axes: "Axes", course: Course, values: list[tuple[float, float]]) -> None:
    claim = claim_of(course.start)
    if not values or claim is None:
        axes.set(yticks=[], ylim=(0, 1))
        return
    axes.plot(*zip(*values, strict=True), color=_VALUE, marker="o", markersize=4, linewidth=1.2, linestyle=":")
    _limit(axes, claim["threshold"], str(claim.get("option") or "limit"))
    most = max(claim["threshold"], *(value for _, value in values))
    predicate = str(claim["predicate"])
    measure = f",{unit(predicate)}" if unit(predicate) else ""
    axes.set(ylim=(0, most * 1.25 or 1))
    axes.set_ylabel(f"{what(predicate)}{measure}", fontsize=9)


def _draw_moments(axes: "Axes", course: Course, moments: list[Moment], *, numbered: bool) -> None:
    first, last = moments[0].seconds, max(moments[-1].seconds, course.messages[-1].media_time)
    air = max(last - first, 1.0) * _AIR
    axes.set_xlim(first - air, last + air)
    if not course.momentary:
        over = course.end.media_time if course.end else last + air
        axes.axvspan(course.start.media_time, over, color=_OPEN, alpha=0.18, linewidth=0)
    for moment in moments:
        axes.axvline(moment.seconds, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
    if numbered:
        _numbers(axes, moments, (last - first + 2 * air) / 28)


def _numbers(axes: "Axes", moments: list[Moment], least: float) -> None:
    """Numbers above the axes; those that would touch are set apart."""
    at = float("-inf")
    for moment in moments:
        at = max(moment.seconds, at + least)
        axes.annotate(
            str(moment.number),
            (at, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold",
            bbox={"boxstyle": "circle,pad=0.22", "facecolor": "white", "edgecolor": "#1b1f25", "linewidth": 1.1},
            color="#1b1f25",
        )


def _limit(axes: "Axes", level: float, name: str) -> None:
    axes.axhline(level, color=_LIMIT, linewidth=1.3, linestyle="--")
    axes.annotate(
        f"{name}\n{level:g}",
        (1.0, level),
        xycoords=axes.get_yaxis_transform(),
        xytext=(4, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        fontsize=8.5,
        color=_LIMIT,
    )


def _runs(scores: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Pieces without gaps: a message tells the last scores alone, and between two messages some are not told."""
    gaps = sorted(later[0] - earlier[0] for earlier, later in pairwise(scores))
    usual = gaps[len(gaps) // 2] if gaps else 0.0
    runs = [[scores[0]]]
    for score in scores[1:]:
        if score[0] - runs[-1][-1][0] > 4 * usual:
            runs.append([])
        runs[-1].append(score)
    return runs


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
