"""Movement, whatever it is that moves: the places of a frame where the picture is fastest for their row.

What the detector cannot name can be found like this, and what it names is confirmed.
"""

from dataclasses import dataclass
from math import exp

import msgspec
import numpy as np

from pipeline.clock import SECOND
from stages.alert.normal.flow_field import Floats, FlowField
from stages.alert.normal.scale import Scale
from stages.alert.normal.tail import Tail
from stages.alert.sighting import Box

ROWS, COLUMNS = 5, 4
"""Cells of the window that movement is looked for in: as large as a person at some distance."""
STEADY_NS = 3 * SECOND // 10
"""Speeds count as the mean over this much of the past: two pictures alone are a noisy witness."""
STAYS = 0.5
"""Where the picture is slower by now than this share of that mean, what was fast has left."""
MOST = 4
"""Places that are told of one frame."""
LEAST = 0.05
"""A place that is less surprising is not told."""
GROWTH = 0.5
"""A place grows by rows and columns of cells that are this share as fast as its window."""
STEPS = 12


class Recent(msgspec.Struct):
    """What is remembered of the last frames."""

    times: list[int] = []
    """Media times in ns, oldest first."""
    ratios: list[bytes] = []
    """Speeds over scale of all windows, float16."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A place where something moves."""

    box: Box
    """Left, top, right, bottom as shares of the picture."""
    total: float
    """-ln p."""
    value: float
    """Mean speed of its window at this frame, in the unit of the feature ``window``."""
    p: float
    """Share of normal frames whose most unusual movement is as unusual as this."""

    def lies_in(self, box: Box) -> bool:
        """Whether its middle does."""
        x, y = (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2
        return box[0] <= x <= box[2] and box[1] <= y <= box[3]


@dataclass(frozen=True, slots=True)
class Windows:
    """The mean speed of every window of a frame."""

    speed: Floats
    """float64 (rows, columns)."""
    foot: Floats
    """float64 (rows,): lower edge of the windows of a row, as a share of the picture's height."""

    sums: Floats
    """Of the cells, see ``FlowField.sums``."""

    @classmethod
    def of(cls, flow: FlowField) -> "Windows":
        """All windows of a field; where the picture is smaller than one, the picture."""
        sums = flow.sums()
        rows, columns = min(ROWS, len(sums) - 1), min(COLUMNS, sums.shape[1] - 1)
        total = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns] + sums[:-rows, :-columns]
        foot = np.minimum((np.arange(len(total)) + rows) / flow.span[1], 1.0)
        return cls(np.asarray(total / (rows * columns)), foot, sums)


def steady(recent: Recent, now_ns: int, windows: Windows, scale: Scale) -> Floats:
    """float64 (rows, columns): speed over scale of every window, over the last ``STEADY_NS`` where it is fast."""
    ratio = (windows.speed / scale.at(windows.foot)[:, None]).astype(np.float16)
    if recent.ratios and len(recent.ratios[-1]) != ratio.nbytes:
        recent.times, recent.ratios = [], []  # the picture has another shape
    recent.times.append(now_ns)
    recent.ratios.append(ratio.tobytes())
    old = sum(time <= now_ns - STEADY_NS for time in recent.times)
    del recent.times[:old], recent.ratios[:old]
    past = np.frombuffer(b"".join(recent.ratios), np.float16).reshape(-1, *ratio.shape)
    mean = past.mean(axis=0, dtype=np.float64)
    return np.where(ratio >= STAYS * mean, mean, ratio)


def movements(flow: FlowField, windows: Windows, ratio: Floats, tail: Tail) -> list[Movement]:
    """The most unusual places of a frame, at most ``MOST``, apart from one another, the most unusual first."""
    left, sums = ratio.copy(), windows.sums.tolist()
    found: list[Movement] = []
    for _ in range(MOST):
        row, column = divmod(int(left.argmax()), left.shape[1])
        total = float(tail.of_values(left[row, column : column + 1])[0])
        if total < LEAST and found:
            break
        speed = float(windows.speed[row, column])
        top, bottom, first, last = _grown(sums, row, column, GROWTH * speed)
        wide, high = flow.span
        box = (first / wide, top / high, min(last / wide, 1.0), min(bottom / high, 1.0))
        found.append(Movement(box, total, speed, exp(-total)))
        left[max(top - ROWS + 1, 0) : bottom, max(first - COLUMNS + 1, 0) : last] = -1.0
    return found


def _grown(sums: list[list[float]], row: int, column: int, least: float) -> tuple[int, int, int, int]:
    """Rows and columns of cells, from and to, of a window with what is fast around it."""
    rows, columns = len(sums) - 1, len(sums[0]) - 1

    def fast(top: int, bottom: int, left: int, right: int) -> bool:
        if top < 0 or left < 0 or bottom > rows or right > columns:
            return False
        total = sums[bottom][right] - sums[top][right] - sums[bottom][left] + sums[top][left]
        return total >= least * (bottom - top) * (right - left)

    top, bottom, left, right = row, min(row + ROWS, rows), column, min(column + COLUMNS, columns)
    for _ in range(STEPS):
        before = top, bottom, left, right
        left -= fast(top, bottom, left - 1, left)
        right += fast(top, bottom, right, right + 1)
        top -= fast(top - 1, top, left, right)
        bottom += fast(bottom, bottom + 1, left, right)
        if (top, bottom, left, right) == before:
            break
    return top, bottom, left, right
