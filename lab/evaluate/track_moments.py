"""Where tracks go wrong: for each frame what was missed, what is not there, and who was taken for somebody else."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.evaluate.rows import Rows
from lab.evaluate.track import overlaps

CONTINUITY = 1000.0
"""A pair that belonged together before goes before any overlap, as CLEAR MOT has it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame, numbered from 1. Boxes are float64 (n, 4), pixels."""

    frame: int
    boxes: int
    """Boxes of the truth."""
    missed: npt.NDArray[np.float64]
    false: npt.NDArray[np.float64]
    switched: npt.NDArray[np.float64]
    """Boxes of the truth whose track is another than before."""

    @property
    def faults(self) -> int:
        """What counts against MOTA."""
        return len(self.missed) + len(self.false) + len(self.switched)


def moments(result: Rows, truth: Rows, *, iou: float) -> list[Moment]:
    """Every frame from 1 to the last, matched as CLEAR MOT does (Bernardin and Stiefelhagen 2008): the sums over all
    frames are TrackEval's ``fn``, ``fp`` and ``id_switches``."""
    assign: Any = import_module("scipy.optimize").linear_sum_assignment
    taken: dict[int, int] = {}
    before: dict[int, int] = {}
    found = []
    for frame in range(1, int(max(truth.frame.max(), result.frame.max(initial=0))) + 1):
        mine, theirs = np.flatnonzero(truth.frame == frame), np.flatnonzero(result.frame == frame)
        shared = overlaps(truth.xyxy[mine], result.xyxy[theirs])
        held = np.array([[before.get(int(a)) == b for b in result.track_id[theirs]] for a in truth.track_id[mine]])
        value = shared + CONTINUITY * held.reshape(shared.shape)
        value[shared < iou - np.finfo(np.float64).eps] = 0
        pairs = [(a, b) for a, b in zip(*assign(-value), strict=True) if value[a, b] > 0]
        switched = []
        before = {}
        for a, b in pairs:
            who, track = int(truth.track_id[mine[a]]), int(result.track_id[theirs[b]])
            if taken.get(who, track) != track:
                switched.append(mine[a])
            taken[who] = before[who] = track
        seen, used = [a for a, _ in pairs], [b for _, b in pairs]
        found.append(
            Moment(
                frame,
                len(mine),
                missed=truth.xyxy[np.delete(mine, seen)],
                false=result.xyxy[np.delete(theirs, used)],
                switched=truth.xyxy[np.array(switched, np.intp)],
            )
        )
    return found
