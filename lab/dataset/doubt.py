"""How unsure detectors are of a frame: boxes near the threshold, boxes that flicker, boxes two models disagree on.

Uncertainty and inconsistency as in active learning for detection (Roy et al., BMVC 2018; Aghdam et al., ICCV 2019).
"""

from dataclasses import dataclass

import numpy as np

from lab.evaluate.tally import overlaps
from pipeline.detections import BoolArray, Detections

MATCH_IOU = 0.4


@dataclass(frozen=True, slots=True)
class Doubt:
    """Numbers of boxes of one frame: ``unsure`` near the threshold (each counts up to 1, by nearness), ``flicker``
    that the neighbouring frame has and this has not or the reverse, ``disputed`` that only one of two models sees."""

    unsure: float = 0.0
    flicker: int = 0
    disputed: int = 0

    @property
    def total(self) -> float:
        """All together; saturates by the square root, so that a crowd of doubts is not everything."""
        return float(np.sqrt(self.unsure + self.flicker + self.disputed))


def doubt(
    found: Detections,
    neighbour: Detections | None = None,
    other: Detections | None = None,
    *,
    threshold: float,
    margin: float = 0.15,
) -> Doubt:
    """Doubts about ``found``, with the boxes of the next frame and of a second model where given.

    ``threshold``: confidence from which a box counts as found; ``margin``: how far from it a box is no longer unsure.
    """
    nearness = np.clip(1 - np.abs(found.confidence - threshold) / margin, 0, 1)
    flicker = 0 if neighbour is None else _unmatched(found, neighbour, threshold + margin / 3, threshold)
    disputed = 0 if other is None else _unmatched(found, other, threshold + margin / 3, threshold - margin / 3)
    return Doubt(float(nearness.sum()), flicker, disputed)


def _unmatched(a: Detections, b: Detections, sure: float, weak: float) -> int:
    """Sure boxes of either side for which the other has not even a weak one."""
    return _missing(a.select(a.confidence >= sure), b.select(b.confidence >= weak)) + _missing(
        b.select(b.confidence >= sure), a.select(a.confidence >= weak)
    )


def _missing(a: Detections, b: Detections) -> int:
    shares = overlaps(a.xyxy, b.xyxy)
    kin: BoolArray = a.class_id[:, None] == b.class_id[None, :]
    return int((np.where(kin, shares, 0).max(axis=1, initial=0) < MATCH_IOU).sum())
