"""Boxes of whatever moves, without a model: the parts of capture's foreground mask, put together to objects.

Needs nothing but a fixed camera; sees any moving thing, names none. Its class is ``object``.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from pipeline.detections import Detections
from pipeline.errors import CannotStart
from pipeline.stage import Plane, View

VERSION = "1"
"""Raised when equal masks begin to give other boxes."""

_SPECK = 4
_MOST = 64
"""Parts looked at in one frame, the largest first."""
_NARROWEST = 3
_VALLEY = 0.65
_DIP = 0.1
_SLIMMEST = 0.2

Ints = npt.NDArray[np.int32]


class MotionOptions(BaseModel):
    """What counts as one moving object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_area: float = Field(default=0.0006, gt=0, lt=1, description="smallest moving area, as a share of the picture")
    max_area: float = Field(default=0.5, gt=0, le=1, description="largest moving area, as a share of the picture")
    confidence: float = Field(default=0.3, ge=0, le=1, description="lowest confidence of a box that is passed on")
    gap: float = Field(default=0.03, ge=0, le=0.5, description="widest gap within one object, as a share of the height")


class MotionDetector:
    """Fulfils ``Detector``: turns ``View.aux`` into boxes. Stateless."""

    Options = MotionOptions

    def __init__(self, options: MotionOptions) -> None:
        import cv2

        self._cv: Any = cv2
        self._options = options
        digest = hashlib.sha256(f"motion {VERSION} {options.model_dump_json()}".encode()).hexdigest()
        self.engine = f"motion {VERSION}, opencv {cv2.__version__}, cpu, {digest[:16]}"
        self.model = {"name": "motion", "sha256": digest}
        self.names = ["object"]
        self.capacity = 8

    def process(self, batch: Sequence[View]) -> list[Detections]:
        """The moving objects of each frame. Raises ``CannotStart`` if capture sent no foreground mask."""
        return [self._detect(view) for view in batch]

    def _detect(self, view: View) -> Detections:
        if view.aux is None:
            raise CannotStart(
                f"camera {view.frame.camera}: the motion detector got no foreground mask; capture must be built with it"
            )
        boxes, areas = self._parts(view.aux)
        height, width = view.pixels.shape[:2]
        return self._judge(boxes, areas, view.aux.shape, (height, width))

    def _parts(self, mask: Plane) -> tuple[Ints, Ints]:
        """Boxes and areas of the mask's connected parts, split where people walk abreast, joined where one is cut."""
        cv = self._cv
        reach = max(3, round(mask.shape[0] * self._options.gap) | 1)
        closed = cv.morphologyEx(mask, cv.MORPH_CLOSE, np.ones((reach, 3), np.uint8))
        _, labels, stats, _ = cv.connectedComponentsWithStats(closed, connectivity=8, ltype=cv.CV_32S)
        order = np.argsort(-stats[1:, cv.CC_STAT_AREA], kind="stable")[:_MOST] + 1
        boxes, areas = [], []
        for label in order.tolist():
            left, top, wide, high, area = stats[label].tolist()
            if area < _SPECK:
                break
            own = labels[top : top + high, left : left + wide] == label
            for start, end in _split(own):
                rows = np.flatnonzero(own[:, start:end].any(axis=1))
                boxes.append((left + start, top + rows[0], left + end, top + rows[-1] + 1))
                areas.append(own[:, start:end].sum())
        return _merge(np.array(boxes, np.int32).reshape(-1, 4), np.array(areas, np.int32), reach)

    def _judge(self, boxes: Ints, areas: Ints, coarse: tuple[int, ...], size: tuple[int, int]) -> Detections:
        options = self._options
        share = areas / (coarse[0] * coarse[1])
        sides = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        solidity = areas / np.maximum(sides, 1)
        certainty = share / (share + 2 * options.min_area) * np.minimum(1, solidity / 0.6)
        confidence = (0.3 + 0.65 * certainty).astype(np.float32)
        keep = (share >= options.min_area) & (share <= options.max_area) & (confidence >= options.confidence)
        scale = np.array([size[1] / coarse[1], size[0] / coarse[0]] * 2)
        xyxy = (boxes * scale).astype(np.float32)
        return Detections(xyxy, confidence, np.zeros(len(boxes), np.int32)).select(keep)


def _split(part: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Cut a part at valleys between two peaks; the columns of the pieces."""
    spans, found = [(0, part.shape[1])], []
    while spans:
        start, end = spans.pop()
        column = _valley(part[:, start:end])
        if column:
            spans += [(start + column, end), (start, start + column)]
        else:
            found.append((start, end))
    return found


def _valley(part: npt.NDArray[np.bool_]) -> int:
    """The column where a part is thinnest between two thick ones and its outline dips between two heads, or 0."""
    if part.shape[1] < 2 * _NARROWEST:
        return 0
    heights, tops = part.sum(axis=0), part.argmax(axis=0)
    peaks = np.minimum(np.maximum.accumulate(heights), np.maximum.accumulate(heights[::-1])[::-1])
    depth = (peaks - heights)[_NARROWEST : part.shape[1] - _NARROWEST + 1]
    deepest = np.flatnonzero(depth == depth.max())
    column = int(deepest[len(deepest) // 2]) + _NARROWEST
    thin = heights[column] <= _VALLEY * peaks[column]
    dips = tops[column] - max(tops[:column].min(), tops[column:].min()) >= _DIP * peaks[column]
    wide = min(column, part.shape[1] - column) >= _SLIMMEST * peaks[column]
    return column if thin and dips and wide else 0


def _merge(boxes: Ints, areas: Ints, gap: int) -> tuple[Ints, Ints]:
    """Join parts that stand above one another: head and legs of one person, cut by what is behind them."""
    while True:
        pairs = np.argwhere(np.triu(_stand_together(boxes, gap), 1))
        if not len(pairs):
            return boxes, areas
        first, second = pairs[0]
        boxes[first, :2] = np.minimum(boxes[first, :2], boxes[second, :2])
        boxes[first, 2:] = np.maximum(boxes[first, 2:], boxes[second, 2:])
        areas[first] += areas[second]
        boxes, areas = np.delete(boxes, second, axis=0), np.delete(areas, second)


def _stand_together(boxes: Ints, gap: int) -> npt.NDArray[np.bool_]:
    """Which pairs of boxes share half the narrower one's columns and lie at most ``gap`` rows apart."""
    left, top, right, bottom = boxes.T
    across = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    apart = np.maximum.outer(top, top) - np.minimum.outer(bottom, bottom)
    narrow = np.minimum.outer(right - left, right - left)
    together: npt.NDArray[np.bool_] = (2 * across >= narrow) & (apart <= gap)
    return together
