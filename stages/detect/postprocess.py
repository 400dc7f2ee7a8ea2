"""From what the network gives to boxes in the picture.

Two layouts exist. ``candidates`` (4 + classes, anchors): centre x, y, width, height in canvas pixels, then a score
for each class (YOLOv8, YOLO11, the one-to-many head of YOLO26); overlaps must be suppressed. ``rows`` (k, 6): left,
top, right, bottom, score, class (one-to-one heads), ready but for the threshold.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.detections import Detections
from stages.detect.letterbox import Letterbox
from stages.detect.nms import suppress

FloatArray = npt.NDArray[np.float32]
MOST_CANDIDATES = 3000
"""Anchors that enter suppression, the surest first; a real crowd has a few hundred above 0.05."""


@dataclass(frozen=True, slots=True)
class Picker:
    """Picks the boxes of one frame. ``allowed`` is bool (classes,), or None for all classes."""

    confidence: float
    iou: float
    max_detections: int
    allowed: npt.NDArray[np.bool_] | None
    suppresses: bool
    """Whether the layout is ``candidates``; ``rows`` otherwise."""

    def pick(self, output: FloatArray, letterbox: Letterbox) -> Detections:
        """Boxes of the frame in its own pixels, surest first; equal ``output`` gives equal bytes."""
        xyxy, confidence, class_id = self._candidates(output) if self.suppresses else self._rows(output)
        if self.allowed is not None:
            keep = self.allowed[class_id]
            xyxy, confidence, class_id = xyxy[keep], confidence[keep], class_id[keep]
        order = np.argsort(-confidence, kind="stable")[:MOST_CANDIDATES]
        if self.suppresses:
            order = order[suppress(xyxy[order], class_id[order], iou=self.iou, limit=self.max_detections)]
        return _finished(letterbox.restore(xyxy[order]), confidence[order], class_id[order], self.max_detections)

    def _candidates(self, output: FloatArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int32]]:
        best = output[4:].max(axis=0)
        anchors = np.flatnonzero(best > self.confidence)
        class_id = output[4:, anchors].argmax(axis=0).astype(np.int32)
        centre, half = output[:2, anchors].T, output[2:4, anchors].T / 2
        return np.concatenate([centre - half, centre + half], axis=1), best[anchors], class_id

    def _rows(self, output: FloatArray) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int32]]:
        rows = output[output[:, 4] > self.confidence]
        return rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32)


def _finished(xyxy: FloatArray, confidence: FloatArray, class_id: npt.NDArray[np.int32], limit: int) -> Detections:
    """Without boxes that have no area within the picture, in an order that depends on the values alone."""
    solid = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    order = np.lexsort((xyxy[:, 1], xyxy[:, 0], class_id, -confidence))
    order = order[solid[order]][:limit]
    return Detections(
        np.ascontiguousarray(xyxy[order], np.float32),
        np.ascontiguousarray(confidence[order], np.float32),
        np.ascontiguousarray(class_id[order], np.int32),
    )
