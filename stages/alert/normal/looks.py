"""What the objects of one frame look like: the detector's vectors of those that are seen well."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.clock import SECOND
from pipeline.detections import IntArray, VectorArray
from stages.alert.scene import Scene

EVERY_NS = SECOND
"""An object is looked at about once in this time: neighbouring frames say the same again."""
_EARLY_NS = SECOND // 20
"""Frames do not come to the nanosecond."""
LEAST_PX = 24
"""Height of a box: less shows too little."""
LEAST_CONFIDENCE = 0.3
"""Of the object's last detections, in the median. Higher, and what is hard to name would never be looked at."""
BORDER = 0.005
"""A box this near to the border of the picture is cut by it; share of the picture."""


@dataclass(frozen=True, slots=True)
class Looks:
    """The vectors of some objects of a frame (m)."""

    row: IntArray
    """int32 (m,): which objects of the frame, rising."""
    vector: VectorArray
    """float16 (m, d)."""

    def __len__(self) -> int:
        return len(self.row)

    def of(self, subjects: IntArray, subject: int) -> VectorArray | None:
        """The vector (d,) of one object; ``subjects``: int32 (n,), of all in the frame."""
        (places,) = np.nonzero(subjects[self.row] == subject)
        return self.vector[places[0]] if len(places) else None

    def select(self, places: Iterable[int]) -> "Looks | None":
        """Some of them, by place; None for none."""
        chosen = list(places)
        return Looks(self.row[chosen], self.vector[chosen]) if chosen else None


def looks_of(scene: Scene) -> Looks | None:
    """Of objects that are large enough, whole and sure; None where there is none, or the detector gives no vectors."""
    if scene.embedding is None:
        return None
    box = scene.box
    high = (box[:, 3] - box[:, 1]) * max(scene.frame.height, 1) >= LEAST_PX
    whole = (box[:, :2] > BORDER).all(axis=1) & (box[:, 2:] < 1 - BORDER).all(axis=1)
    known = np.isfinite(scene.embedding).all(axis=1)
    row = np.flatnonzero(high & whole & known & (scene.vote >= LEAST_CONFIDENCE))
    return Looks(row.astype(np.int32), scene.embedding[row].astype(np.float16)) if len(row) else None


def is_due(last_ns: float | None, now_ns: float) -> bool:
    """Whether to look at an object again that was last looked at then, or never."""
    return last_ns is None or now_ns - last_ns >= EVERY_NS - _EARLY_NS
