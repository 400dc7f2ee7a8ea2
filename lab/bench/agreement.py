"""How much the boxes of one engine are those of another, for want of labels."""

from collections.abc import Sequence

import numpy as np

from lab.evaluate.tally import overlaps
from pipeline.detections import Detections

SURE = 0.25
"""Boxes that count are surer than this."""
SAME = 0.9
"""IoU from which two boxes of one class are twins."""


def agreement(found: Sequence[Detections], reference: Sequence[Detections]) -> float:
    """Share of all sure boxes of both sides that have a twin on the other, sure or not; NaN where there is none.

    A box at the edge of the threshold does not count against anybody if the other side has it just below.
    """
    hits = [hit for pair in zip(found, reference, strict=True) for hit in (*_hits(*pair), *_hits(*pair[::-1]))]
    return float(np.mean(hits)) if hits else float("nan")


def _hits(one: Detections, other: Detections) -> list[bool]:
    sure = one.select(one.confidence > SURE)
    twins = (overlaps(sure.xyxy, other.xyxy) >= SAME) & (sure.class_id[:, None] == other.class_id[None, :])
    return [bool(row.any()) for row in twins]
