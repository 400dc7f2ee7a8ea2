"""Charts in one style: drawn without a screen and without pyplot's global state, by matplotlib's Agg and SVG.

Colours are Okabe and Ito's (2008), told apart also by the colour-blind; ink and grid take the page's own colours.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lab.report.stylesheet import FAINT, INK
from lab.statistics import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = npt.ArrayLike
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f")
MOST_POINTS = 400
"""Points kept of a curve: more are not seen and make the page heavy."""

STYLE: Any = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "auto",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
    "text.parse_math": False,  # names are the user's: `pay $5_$ gate` is no formula
}
"""Of matplotlib's settings, those that the charts set. Typed loosely: its stubs want every key as a literal."""


@contextmanager
def chart(width: float = 7.0, height: float = 4.0, *, panels: int = 1) -> Iterator[tuple["Figure", list["Axes"]]]:
    """A figure (inches) in the common style with ``panels`` axes side by side, to be drawn on within the block."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = list(np.atleast_1d(figure.subplots(1, panels)))
        for place, each in enumerate(axes):
            each.set_prop_cycle(color=COLOURS)
            each.set_label(str(place))
        yield figure, axes


def curves(
    lines: Mapping[str, tuple[Numbers, Numbers]],
    *,
    x: str,
    y: str,
    title: str = "",
    limits: tuple[float, float, float, float] | None = (0, 1, 0, 1.02),
    bands: Mapping[str, tuple[Numbers, Numbers]] | None = None,
) -> "Figure":
    """Lines by name, each (x values, y values), with an optional band (low, high) around those of the same name.

    ``limits``: left, right, bottom, top; None fits them to the lines.
    """
    with chart() as (figure, (axes,)):
        for name, (across, up) in lines.items():
            wide, high = np.asarray(across, np.float64), np.asarray(up, np.float64)
            keep = _thinned(len(wide))
            (line,) = axes.plot(wide[keep], high[keep], label=name, marker="o" if len(wide) < 12 else "", markersize=4)
            if bands and name in bands:
                low, top = (np.asarray(edge, np.float64)[keep] for edge in bands[name])
                axes.fill_between(wide[keep], low, top, color=line.get_color(), alpha=0.2, linewidth=0)
        if limits is not None:
            axes.set(xlim=limits[:2], ylim=limits[2:])
        axes.set(xlabel=x, ylabel=y, title=title)
        if len(lines) > 1:
            axes.legend(loc="best")
    return figure


def bars(
    values: Mapping[str, Interval | float], *, x: str, title: str = "", limit: tuple[float, float] | None = (0, 1)
) -> "Figure":
    """Horizontal bars by name, from top to bottom, with a whisker where the value is an ``Interval``."""
    names = list(values)
    with chart(7.0, 0.9 + 0.32 * max(len(names), 1)) as (figure, (axes,)):
        figures = [each.value if isinstance(each, Interval) else float(each) for each in values.values()]
        places = np.arange(len(names))
        axes.barh(places, np.nan_to_num(figures), color=COLOURS[0], height=0.65)
        for place, each in zip(places, values.values(), strict=True):
            if isinstance(each, Interval) and np.isfinite([each.low, each.high]).all():
                axes.plot([each.low, each.high], [place, place], color=INK, linewidth=1.2, marker="|", markersize=6)
        axes.set_yticks(places, names)
        axes.grid(visible=False, axis="y")
        axes.set(xlabel=x, title=title, ylim=(len(names) - 0.4, -0.6))
        if limit is not None:
            axes.set_xlim(*limit)
        else:
            axes.locator_params(axis="x", nbins=6)
    return figure


def matrix(
    counts: npt.NDArray[Any],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    row_title: str,
    column_title: str,
    title: str = "",
) -> "Figure":
    """A table of counts with cells shaded by their share of the row; (len(rows), len(columns))."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 0.42
    with chart(2.6 + side * len(columns), 1.9 + side * len(rows)) as (figure, (axes,)):
        axes.grid(visible=False)
        axes.imshow(shares, cmap=_fading(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        for row, column in np.argwhere(counts > 0):
            dark = shares[row, column] > 0.55
            axes.text(
                column,
                row,
                f"{counts[row, column]:g}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else INK,
            )
        axes.set_xticks(np.arange(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(np.arange(len(rows)), rows)
        axes.set(xlabel=column_title, ylabel=row_title, title=title)
    return figure


def reliability(confidence: Numbers, rate: Numbers, counts: Numbers, *, width: float, title: str = "") -> "Figure":
    """How often boxes of a stated confidence are right (Guo et al. 2017), and below how many there are.

    ``confidence`` is each bin's mean confidence, ``rate`` its share of hits, ``width`` the bins' width.
    """
    import matplotlib
    from matplotlib.figure import Figure

    stated, true, many = (np.asarray(values, np.float64) for values in (confidence, rate, counts))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.0, 5.0), layout="constrained")
        upper, lower = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
        upper.plot([0, 1], [0, 1], color="#7f7f7f", linestyle="--", linewidth=1, label="as sure as right")
        upper.plot(stated, true, marker="o", color=COLOURS[0], label="measured")
        upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share that is right", title=title)
        upper.legend(loc="upper left")
        lower.bar(stated, many, width=width * 0.8, color=COLOURS[0])
        lower.set(xlabel="confidence", ylabel="boxes")
    return figure


def as_png(figure: "Figure", *, dpi: int = 144) -> bytes:
    """The figure on white paper."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return buffer.getvalue()


def as_svg(figure: "Figure", *, name: str = "chart") -> str | None:
    """The figure as an SVG element whose ink follows the page's text colour; None unless made in this style.

    ``name`` must differ between charts of one page.
    """
    import matplotlib

    face: Any = figure.get_facecolor()  # always RGBA once set, whatever the stubs say
    if face[3] != 0:
        return None
    buffer = StringIO()
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor").replace(FAINT, "var(--line)")
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    return re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)


def _thinned(points: int) -> npt.NDArray[np.intp]:
    return np.unique(np.linspace(0, max(points - 1, 0), min(points, MOST_POINTS)).astype(np.intp))


def _fading() -> Any:
    """From nothing to the first colour, so that empty cells show the page."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    red, green, blue, _ = to_rgba(COLOURS[0])
    return LinearSegmentedColormap.from_list("fading", [(red, green, blue, 0.0), (red, green, blue, 1.0)])
