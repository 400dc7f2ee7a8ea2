"""The motion that capture measured, as numbers to calculate with."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Boxes = npt.NDArray[np.float64]
"""float64 (n, 4): left, top, right, bottom as shares of the picture."""


@dataclass(frozen=True, slots=True)
class FlowField:
    """Speed of each cell of a picture (``stages/capture/flow.py`` measures them)."""

    speed: npt.NDArray[np.float32]
    """float32 (rows, columns): pixels a second, of a picture whose longer side has 360."""
    span: tuple[float, float]
    """Width and height of the picture in cells; the last column and row may be cut off by it."""

    @staticmethod
    def unpack(told: Mapping[str, Any]) -> "FlowField":
        """From what capture told of a frame."""
        return PackedFlow.of(told).unpack()

    def quantile(self, boxes: Boxes, level: float) -> Floats:
        """float64 (n,): what ``1 - level`` of the cells that each box touches are faster than; 0 of an empty box."""
        rows, columns = self.speed.shape
        wide, high = self.span
        sides = np.clip(boxes, 0.0, 1.0) * np.array([wide, high, wide, high])
        first = np.floor(sides[:, :2]).astype(np.intp)
        last = np.maximum(np.ceil(sides[:, 2:]).astype(np.intp), first + 1)
        found = np.zeros(len(boxes))
        for number, ((left, top), (right, bottom)) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            inside = self.speed[top : min(bottom, rows), left : min(right, columns)].ravel()
            if len(inside):
                place = int(level * (len(inside) - 1) + 0.5)
                found[number] = np.partition(inside, place)[place]
        return found

    def sums(self) -> Floats:
        """Summed area table, float64 (rows + 1, columns + 1): of all cells above and to the left of each corner."""
        table = np.zeros((self.speed.shape[0] + 1, self.speed.shape[1] + 1))
        np.cumsum(np.cumsum(self.speed, axis=0, dtype=np.float64), axis=1, out=table[1:, 1:])
        return table


@dataclass(frozen=True, slots=True)
class PackedFlow:
    """The same as capture told it: some hundred bytes, where the field takes four for each cell."""

    speed: bytes
    """zlib of uint8 (rows, columns)."""
    grid: "_Grid"

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """What capture told of a frame."""
        return cls(told["speed"], _grid(*told["cells"], *told["span"], told["low"], told["steps"]))

    def unpack(self) -> FlowField:
        """The field, calculated anew each time."""
        steps = np.frombuffer(zlib.decompress(self.speed), np.uint8).reshape(self.grid.rows, self.grid.columns)
        return FlowField(self.grid.speeds[steps], self.grid.span)


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """What the frames of a camera have in common."""

    rows: int
    columns: int
    span: tuple[float, float]
    speeds: npt.NDArray[np.float32]
    """float32 (256,): what each byte says."""


@lru_cache(maxsize=64)
def _grid(rows: int, columns: int, wide: float, high: float, low: float, steps: float) -> _Grid:
    return _Grid(rows, columns, (wide, high), (low * np.expm1(np.arange(256) / steps)).astype(np.float32))
