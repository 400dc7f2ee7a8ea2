"""From what the network gives to boxes in the picture.

Two layouts exist. ``candidates`` (4 + classes, anchors): centre x, y, width, height in canvas pixels, then a score
for each class (YOLOv8, YOLO11, the one-to-many head of YOLO26); overlaps must be suppressed. ``rows`` (k, 6): left,
top, right, bottom, score, class (one-to-one heads), ready but for the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipeline.detections import Detections
from stages.detect.letterbox import Letterbox, restore
from stages.detect.nms import MOST_CANDIDATES, suppress

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Picker:
    """Picks the boxes of frames. ``allowed`` is bool (classes,), or None for all classes."""

    confidence: float
    iou: float
    max_detections: int
    allowed: npt.NDArray[np.bool_] | None
    suppresses: bool
    """Whether the layout is ``candidates``; ``rows`` otherwise."""

    def pick(self, outputs: FloatArray, letterboxes: Sequence[Letterbox]) -> list[Detections]:
        """Boxes of each frame in its own pixels, surest first; equal outputs give equal bytes, whatever shared them.

        ``outputs``: float32 (frames, ...).
        """
        if not self.suppresses:
            return self._rows(outputs, letterboxes)
        return [self._candidates(output, letterbox) for output, letterbox in zip(outputs, letterboxes, strict=True)]

    def _candidates(self, output: FloatArray, letterbox: Letterbox) -> Detections:
        best = output[4:].max(axis=0)
        anchors = np.flatnonzero(best > self.confidence)
        class_id = output[4:, anchors].argmax(axis=0).astype(np.int32)
        if self.allowed is not None:
            keep = self.allowed[class_id]
            anchors, class_id = anchors[keep], class_id[keep]
        order = np.argsort(-best[anchors], kind="stable")[:MOST_CANDIDATES]
        anchors, class_id = anchors[order], class_id[order]
        centre, half = output[:2, anchors].T, output[2:4, anchors].T / 2
        xyxy = np.concatenate([centre - half, centre + half], axis=1)
        kept = suppress(xyxy, class_id, iou=self.iou, limit=self.max_detections)
        xyxy, confidence, class_id = letterbox.restore(xyxy[kept]), best[anchors[kept]], class_id[kept]
        order = _in_order(xyxy, confidence, class_id)[: self.max_detections]
        return _detections(xyxy[order], confidence[order], class_id[order])

    def _rows(self, outputs: FloatArray, letterboxes: Sequence[Letterbox]) -> list[Detections]:
        """All frames in one go: on a GPU's batch the calls of numpy would cost more than their work."""
        frame, row = np.nonzero(outputs[..., 4] > self.confidence)
        rows = outputs[frame, row]
        if self.allowed is not None:
            keep = self.allowed[rows[:, 5].astype(np.intp)]
            frame, rows = frame[keep], rows[keep]
        xyxy = restore(rows[:, :4], letterboxes, frame)
        confidence, class_id = rows[:, 4], rows[:, 5].astype(np.int32)
        order = _in_order(xyxy, confidence, class_id, frame)
        xyxy, confidence, class_id = xyxy[order], confidence[order], class_id[order]
        ends = np.searchsorted(frame[order], np.arange(len(letterboxes) + 1))
        spans = [slice(a, min(b, a + self.max_detections)) for a, b in pairwise(ends.tolist())]
        return [_detections(xyxy[span], confidence[span], class_id[span]) for span in spans]


def _in_order(
    xyxy: FloatArray, confidence: FloatArray, class_id: npt.NDArray[np.int32], frame: npt.NDArray[np.intp] | None = None
) -> npt.NDArray[np.intp]:
    """Indexes of the boxes that have an area within the picture, in an order that depends on the values alone."""
    keys = (xyxy[:, 1], xyxy[:, 0], class_id, -confidence)
    order = np.lexsort(keys if frame is None else (*keys, frame))
    solid = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    return order[solid[order]]


def _detections(xyxy: FloatArray, confidence: FloatArray, class_id: npt.NDArray[np.int32]) -> Detections:
    return Detections(
        np.ascontiguousarray(xyxy, np.float32),
        np.ascontiguousarray(confidence, np.float32),
        np.ascontiguousarray(class_id, np.int32),
    )
