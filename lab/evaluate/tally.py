"""Boxes found against boxes that are there, one picture at a time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.detections import Detections

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]

COCO_IOUS = tuple(float(iou) for iou in np.round(np.arange(0.5, 1.0, 0.05), 2))
"""0.50, 0.55 ... 0.95."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of one picture's boxes.

    ``confidence`` float32 (n,), ``class_id`` int32 (n,): the boxes found, surest first. ``hit`` bool (n, t): whether
    each matched a true box of its class, at each of ``t`` IoU thresholds. ``truth`` int32 (m,): classes of the true
    boxes. ``found`` bool (m, t): whether each of those was matched. ``counted`` bool (n, t): False where the box
    fell on something that counts neither way (``ignored``).
    """

    confidence: FloatArray
    class_id: IntArray
    hit: BoolArray
    truth: IntArray
    found: BoolArray
    counted: BoolArray


def overlaps(a: FloatArray, b: FloatArray) -> npt.NDArray[np.float64]:
    """Intersection over union of boxes (n, 4) with boxes (m, 4), both xyxy: float64 (n, m)."""
    first, second = a.astype(np.float64), b.astype(np.float64)
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1) for boxes in (first, second)]
    shares: npt.NDArray[np.float64] = common / np.maximum(areas[0][:, None] + areas[1][None, :] - common, 1e-9)
    return shares


def tally(
    detections: Detections,
    xyxy: FloatArray,
    class_id: IntArray,
    *,
    ignored: BoolArray | None = None,
    ious: tuple[float, ...] = COCO_IOUS,
) -> Tally:
    """Match the boxes found to the true boxes ``xyxy`` float32 (m, 4) of classes ``class_id`` int32 (m,).

    As COCO does: surest first, each takes the true box of its class that it overlaps most of those still free, where
    the overlap reaches the threshold. True boxes marked ``ignored`` bool (m,) count neither way, nor does what falls
    on them and on no other.
    """
    m, t = len(class_id), len(ious)
    order = np.argsort(-detections.confidence, kind="stable")
    boxes, classes = detections.xyxy[order], detections.class_id[order]
    skip = np.zeros(m, np.bool_) if ignored is None else ignored
    hit = np.zeros((len(order), t), np.bool_)
    counted = np.ones((len(order), t), np.bool_)
    found = np.zeros((m, t), np.bool_)
    shares = np.where(classes[:, None] == class_id[None, :], overlaps(boxes, xyxy), 0.0) if m else None
    if shares is not None:
        for column, threshold in enumerate(ious):
            _match(shares, threshold, skip, hit[:, column], counted[:, column], found[:, column])
    keep = ~skip
    return Tally(detections.confidence[order], classes, hit, class_id[keep], found[keep], counted)


def _match(
    shares: npt.NDArray[np.float64],
    threshold: float,
    skip: BoolArray,
    hit: BoolArray,
    counted: BoolArray,
    found: BoolArray,
) -> None:
    """One threshold: fills ``hit``, ``counted`` and ``found`` in place."""
    for row in np.flatnonzero(shares.max(axis=1) >= threshold):
        free = np.where(found | skip, 0.0, shares[row])
        best = int(free.argmax())
        if free[best] >= threshold:
            hit[row] = found[best] = True
        elif (shares[row][skip] >= threshold).any():
            counted[row] = False
