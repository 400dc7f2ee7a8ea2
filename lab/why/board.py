"""One picture that explains an event: what was seen, the course of it, and the conditions with their limits."""

from collections.abc import Sequence
from textwrap import shorten, wrap
from typing import TYPE_CHECKING

from lab.report.charts import STYLE
from lab.report.stylesheet import INK
from lab.why.chart import draw, panels_of
from lab.why.course import Course
from lab.why.moment import Moment
from lab.why.scene import View
from lab.why.text import judged, smallest
from lab.why.words import Condition, clock, conditions, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = (16.0, 9.0)
DPI = 100
_SOFT, _BAD, _GOOD = "#57606a", "#b3261e", "#116329"
_LEFT, _MIDDLE, _RIGHT = 0.02, 0.575, 0.98
_STEP = 0.031
"""Height of a line of text, as a share of the figure."""
_MOST_ROWS = 9


def board(course: Course, view: View, moments: list[Moment]) -> "Figure":
    """A figure of 1600x900 pixels at ``DPI``."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=INCHES, facecolor="white")
        _headed(figure, course)
        picture = figure.add_axes((_LEFT, 0.2, 0.525, 0.665))
        picture.imshow(view.pixels[:, :, ::-1], interpolation="lanczos")
        picture.set_axis_off()
        picture.set_anchor("NW")
        _charted(figure, course, moments)
        _listed(figure, list(conditions(course.start)))
        _footed(figure, course, view, moments)
    return figure


def _headed(figure: "Figure", course: Course) -> None:
    start = course.start
    figure.text(_LEFT, 0.965, f"Why: {title(start)}", fontsize=19, fontweight="bold", va="top")
    figure.text(_LEFT, 0.917, shorten(start.reason, 120), fontsize=13.5, va="top")
    facts = f"{start.severity}, camera {start.camera}, {clock(start.media_time)}"
    figure.text(_RIGHT, 0.96, facts, fontsize=13.5, va="top", ha="right", color=_SOFT)
    if start.wall_time:
        figure.text(_RIGHT, 0.917, start.wall_time, fontsize=12, va="top", ha="right", color=_SOFT)


def _charted(figure: "Figure", course: Course, moments: list[Moment]) -> None:
    panels, top, bottom, gap = panels_of(course), 0.835, 0.525, 0.03
    high = (top - bottom - gap * (panels - 1)) / panels
    axes = [
        figure.add_axes((_MIDDLE + 0.03, top - (place + 1) * high - place * gap, _RIGHT - _MIDDLE - 0.115, high))
        for place in range(panels)
    ]
    for above in axes[:-1]:
        above.tick_params(labelbottom=False)
    draw(axes, course, moments)
    figure.align_ylabels(axes)


def _listed(figure: "Figure", found: Sequence[Condition]) -> None:
    top = 0.435
    figure.text(
        _MIDDLE - 0.02,
        top,
        "Every condition held" if all(each.holds for each in found) else "Conditions",
        fontsize=13,
        fontweight="bold",
        va="top",
    )
    for number, each in enumerate(found[:_MOST_ROWS]):
        height = top - 0.042 - number * _STEP
        color = INK if each.holds else _BAD
        figure.text(_MIDDLE + 0.047, height, each.time, fontsize=11, va="top", ha="right", color=_SOFT)
        figure.text(_MIDDLE + 0.06, height, each.what, fontsize=11, va="top", color=color)
        figure.text(
            _MIDDLE + 0.28, height, each.value, fontsize=11, va="top", ha="right", color=color, fontweight="bold"
        )
        figure.text(_MIDDLE + 0.293, height, shorten(each.limit, 26), fontsize=11, va="top", color=_SOFT)
    if len(found) > _MOST_ROWS:
        height = top - 0.042 - _MOST_ROWS * _STEP
        figure.text(_MIDDLE + 0.06, height, f"and {len(found) - _MOST_ROWS} more", fontsize=11, va="top", color=_SOFT)


def _footed(figure: "Figure", course: Course, view: View, moments: list[Moment]) -> None:
    told = [f"{each.number}  {each.what}, {each.seconds:.2f} s" for each in moments]
    for place, words in enumerate(told):
        column, row = divmod(place, 3)
        figure.text(_LEFT + column * 0.24, 0.175 - row * _STEP, words, fontsize=11.5, va="top")
    if view.missing:
        figure.text(_LEFT + 0.48, 0.175, "\n".join(wrap(view.missing, 24)), fontsize=10, va="top", color=_BAD)
    good = judged(course.start)
    verdict_color = _GOOD if good.endswith("raised.") and "not raised" not in good else _BAD
    figure.text(_LEFT, 0.066, smallest(course), fontsize=13, fontweight="bold", va="top")
    figure.text(_LEFT, 0.03, shorten(good, 110), fontsize=11, va="top", color=verdict_color)
    names = f"event {course.start.id[:8]}  analysis {course.start.analysis_sha256[:8]}  Bartizan {course.start.version}"
    figure.text(_RIGHT, 0.03, names, fontsize=10, va="top", ha="right", color=_SOFT)
