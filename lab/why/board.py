"""One picture that explains an event: what was seen, the course of it, and the conditions with their limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING

from lab.report.charts import STYLE
from lab.report.stylesheet import INK
from lab.why.chart import draw, panels_of
from lab.why.course import Course
from lab.why.moment import Moment
from lab.why.scene import View
from lab.why.smallest_change import preventions
from lab.why.text import judged, smallest
from lab.why.words import Condition, clock, conditions, title
from stages.alert.verdict import verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = (16.0, 9.0)
DPI = 100
_SOFT, _BAD, _GOOD = "#57606a", "#b3261e", "#116329"
_LEFT, _RIGHT, _TOP = 0.02, 0.98, 0.865
_WIDEST, _HIGHEST = 0.525, 0.645
"""Of the scene, as shares of the figure."""
_LETTERS = 170
"""That fit into the width of the figure."""
_STEP = 0.031
"""Height of a line of text, as a share of the figure."""
_ROWS = 9
"""Lines of conditions and changes that there is room for."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the scene lies, as shares of the figure."""

    width: float
    height: float

    @classmethod
    def of(cls, view: View) -> "_Place":
        """As large as it can be."""
        high, wide = view.pixels.shape[:2]
        shape = wide / high * INCHES[1] / INCHES[0]
        width = min(_WIDEST, _HIGHEST * shape)
        return cls(width, width / shape)

    @property
    def beside(self) -> float:
        """Where the column to its right begins."""
        return _LEFT + max(self.width, 0.3) + 0.03


def board(course: Course, view: View, moments: list[Moment]) -> "Figure":
    """A figure of 1600x900 pixels at ``DPI``."""
    import matplotlib
    from matplotlib.figure import Figure

    place = _Place.of(view)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=INCHES, facecolor="white")
        _headed(figure, course)
        picture = figure.add_axes((_LEFT, _TOP - place.height, place.width, place.height))
        picture.imshow(view.pixels[:, :, ::-1], interpolation="lanczos", aspect="auto")
        picture.set_axis_off()
        _numbered(figure, view, moments, _TOP - place.height - 0.018)
        _charted(figure, course, moments, place.beside)
        _listed(figure, course, place.beside)
        _footed(figure, course)
    return figure


def _headed(figure: "Figure", course: Course) -> None:
    start = course.start
    figure.text(_LEFT, 0.965, f"Why: {shorten(title(start), 80)}", fontsize=19, fontweight="bold", va="top")
    figure.text(_LEFT, 0.917, shorten(start.reason, 120), fontsize=13.5, va="top")
    facts = f"{start.severity}, camera {shorten(start.camera, 30)}, {clock(start.media_time)}"
    figure.text(_RIGHT, 0.96, facts, fontsize=13.5, va="top", ha="right", color=_SOFT)
    if start.wall_time:
        figure.text(_RIGHT, 0.917, start.wall_time, fontsize=12, va="top", ha="right", color=_SOFT)


def _numbered(figure: "Figure", view: View, moments: list[Moment], top: float) -> None:
    """What the numbers mean, in two columns."""
    for place, each in enumerate(moments):
        column, row = divmod(place, 3)
        words = f"{each.number}  {each.what}, {each.seconds:.2f} s"
        figure.text(_LEFT + column * 0.26, top - row * _STEP, words, fontsize=11.5, va="top")
    if view.missing:
        note = shorten(f"Drawn from the record alone: {view.missing}", 100)
        figure.text(_LEFT, top - min(len(moments), 3) * _STEP, note, fontsize=10.5, va="top", color=_BAD)


def _charted(figure: "Figure", course: Course, moments: list[Moment], left: float) -> None:
    panels, top, bottom, gap = panels_of(course), 0.835, 0.525, 0.03
    high = (top - bottom - gap * (panels - 1)) / panels
    axes = [
        figure.add_axes((left + 0.03, top - (place + 1) * high - place * gap, _RIGHT - left - 0.115, high))
        for place in range(panels)
    ]
    for above in axes[:-1]:
        above.tick_params(labelbottom=False)
    draw(axes, course, moments)
    figure.align_ylabels(axes)


def _listed(figure: "Figure", course: Course, left: float) -> None:
    """The conditions, and below them the changes as far as there is room."""
    found, top = list(conditions(course.start)), 0.435
    faults = {each.fault for each in found if each.fault}
    heading = f"Not every condition holds: {', '.join(faults)}" if faults else "Every condition held"
    figure.text(left, top, heading, fontsize=13, fontweight="bold", va="top")
    shown = found if len(found) <= _ROWS else found[: _ROWS - 1]
    for number, each in enumerate(shown):
        _row(figure, each, left, top - 0.042 - number * _STEP)
    top -= 0.042 + len(shown) * _STEP
    if len(shown) < len(found):
        figure.text(left + 0.06, top, f"and {len(found) - len(shown)} more", fontsize=11, va="top", color=_SOFT)
    _changes(figure, course, left, top - 0.018, room=_ROWS - len(found) - 2)


def _row(figure: "Figure", each: Condition, left: float, height: float) -> None:
    color = INK if each.holds else _BAD
    figure.text(left + 0.047, height, each.time, fontsize=11, va="top", ha="right", color=_SOFT)
    figure.text(left + 0.06, height, shorten(each.what, 34), fontsize=11, va="top", color=color)
    figure.text(left + 0.28, height, shorten(each.value, 20), fontsize=11, va="top", ha="right", fontweight="bold")
    figure.text(left + 0.293, height, shorten(each.limit, 26), fontsize=11, va="top", color=_SOFT)


def _changes(figure: "Figure", course: Course, left: float, top: float, *, room: int) -> None:
    others: Sequence[str] = [str(each) for each in preventions(course) if each.certain][1 : room + 1]
    if not others or room < 1:
        return
    figure.text(left, top, "Any of these would have, too", fontsize=13, fontweight="bold", va="top")
    width = round((_RIGHT - left) * _LETTERS)
    for number, words in enumerate(others):
        figure.text(left + 0.015, top - 0.04 - number * _STEP, shorten(words, width), fontsize=11, va="top")


def _footed(figure: "Figure", course: Course) -> None:
    start = course.start
    color = _GOOD if verdict(start).follows else _BAD
    figure.text(_LEFT, 0.066, shorten(smallest(course), 140), fontsize=13, fontweight="bold", va="top")
    figure.text(_LEFT, 0.03, shorten(judged(start), 110), fontsize=11, va="top", color=color)
    names = f"event {start.id[:8]}  analysis {start.analysis_sha256[:8]}  Bartizan {start.version}"
    figure.text(_RIGHT, 0.03, names, fontsize=10, va="top", ha="right", color=_SOFT)
