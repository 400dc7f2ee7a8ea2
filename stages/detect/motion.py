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

Ints = npt.NDArray[np.int32]


class MotionOptions(BaseModel):
    """What counts as one moving object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_area: float = Field(default=0.0006, gt=0, lt=1, description="smallest moving area, as a share of the picture")
    max_area: float = Field(default=0.5, gt=0, le=1, description="largest moving area, as a share of the picture")
    confidence: float = Field(default=0.3, ge=0, le=1, description="lowest confidence of a box that is passed on")
    gap: float = Field(default=0.04, ge=0, le=0.5, description="widest gap within one object, as a share of the height")


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
        cv = self._cv
        reach = max(3, round(mask.shape[0] * self._options.gap) | 1)
        closed = cv.morphologyEx(mask, cv.MORPH_CLOSE, np.ones((reach, 3), np.uint8))
        _, _, stats, _ = cv.connectedComponentsWithStats(closed, connectivity=8, ltype=cv.CV_32S)
        stats = stats[1:]
        stats = stats[stats[:, cv.CC_STAT_AREA] >= 4]
        boxes = stats[:, [0, 1, 2, 3]].copy()
        boxes[:, 2:] += boxes[:, :2]
        return _merge(boxes, stats[:, cv.CC_STAT_AREA], reach)

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


def _merge(boxes: Ints, areas: Ints, gap: int) -> tuple[Ints, Ints]:
    """Join parts that stand above one another: head and legs of one person, cut by what is behind them."""
    parts = [(tuple(box), int(area)) for box, area in zip(boxes.tolist(), areas.tolist(), strict=True)]
    joined = True
    while joined:
        joined = False
        for i in range(len(parts)):
            for j in range(i + 1, len(parts)):
                if _stand_together(parts[i][0], parts[j][0], gap):
                    a, b = parts[i], parts.pop(j)
                    box = (*np.minimum(a[0][:2], b[0][:2]).tolist(), *np.maximum(a[0][2:], b[0][2:]).tolist())
                    parts[i] = (box, a[1] + b[1])
                    joined = True
                    break
            if joined:
                break
    return (
        np.array([box for box, _ in parts], np.int32).reshape(-1, 4),
        np.array([area for _, area in parts], np.int32),
    )


def _stand_together(a: tuple[int, ...], b: tuple[int, ...], gap: int) -> bool:
    across = min(a[2], b[2]) - max(a[0], b[0])
    apart = max(a[1], b[1]) - min(a[3], b[3])
    narrow = min(a[2] - a[0], b[2] - b[0])
    return across >= 0.5 * narrow and apart <= gap
