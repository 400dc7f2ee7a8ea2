"""The motion that capture measured, as numbers to calculate with."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Boxes = npt.NDArray[np.float64]
"""float64 (n, 4): left, top, right, bottom as shares of the picture."""


@dataclass(frozen=True, slots=True)
class FlowField:
    """Speed and direction of each cell of a picture (``stages/capture/flow.py`` measures them)."""

    speed: npt.NDArray[np.float32]
    """float32 (rows, columns): pixels a second, of a picture whose longer side has 360."""
    way: npt.NDArray[np.uint8]
    """uint8 (rows, columns): 256ths of a circle, 0 to the right, 64 down."""
    span: tuple[float, float]
    """Width and height of the picture in cells; the last column and row may be cut off by it."""

    @classmethod
    def unpack(cls, told: Mapping[str, Any]) -> Self:
        """From what capture told of a frame."""
        rows, columns = told["cells"]
        steps = np.frombuffer(zlib.decompress(told["speed"]), np.uint8).reshape(rows, columns)
        way = np.frombuffer(zlib.decompress(told["way"]), np.uint8).reshape(rows, columns)
        speeds = (told["low"] * np.expm1(np.arange(256) / told["steps"])).astype(np.float32)
        wide, high = told["span"]
        return cls(speeds[steps], way, (wide, high))

    def mean(self, boxes: Boxes) -> Floats:
        """float64 (n,): mean speed in each box, weighted by area."""
        wide, high = self.span
        sides = np.clip(boxes, 0.0, 1.0) * np.array([wide, high, wide, high])
        left, top, right, bottom = sides.T
        table = self._table()
        total = _at(table, right, bottom) - _at(table, left, bottom) - _at(table, right, top) + _at(table, left, top)
        return np.asarray(total / np.maximum((right - left) * (bottom - top), 1e-6))

    def windows(self, rows: int, columns: int) -> Floats:
        """float64: mean speed of every window of so many cells; fewer where the picture is smaller."""
        table = self._table()
        rows, columns = min(rows, len(table) - 1), min(columns, table.shape[1] - 1)
        total = table[rows:, columns:] - table[:-rows, columns:] - table[rows:, :-columns] + table[:-rows, :-columns]
        return np.asarray(total / (rows * columns))

    def _table(self) -> Floats:
        """Summed area table, float64 (rows + 1, columns + 1)."""
        rows, columns = self.speed.shape
        table = np.zeros((rows + 1, columns + 1))
        np.cumsum(np.cumsum(self.speed, axis=0, dtype=np.float64), axis=1, out=table[1:, 1:])
        return table


def _at(table: Floats, x: Floats, y: Floats) -> Floats:
    """The table between its corners: linear there, since speed is constant within a cell."""
    column = np.minimum(x.astype(np.intp), table.shape[1] - 2)
    row = np.minimum(y.astype(np.intp), table.shape[0] - 2)
    right, down = x - column, y - row
    upper = table[row, column] * (1 - right) + table[row, column + 1] * right
    lower = table[row + 1, column] * (1 - right) + table[row + 1, column + 1] * right
    return np.asarray(upper * (1 - down) + lower * down)
